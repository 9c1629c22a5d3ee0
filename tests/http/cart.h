/* SPDX-License-Identifier: MIT */
#ifndef HTTP_CART_H
#define HTTP_CART_H
/* A servant with an operation for every kind of value (shop.idl). What it keeps is the process's.
 */
#include "shop.h"

extern const struct shop_Cart_methods cart_methods;
#endif
