/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FACE_HTTP_PAGE_H
#define PYRITE_FACE_HTTP_PAGE_H
/* The page: files that are part of the library. */
#include "face/http/exchange.h"

void page_get(struct http_request *request, struct http_answer *answer);
/* To the page from where Pyro has its own. */
void page_redirect(struct http_request *request, struct http_answer *answer);
#endif
