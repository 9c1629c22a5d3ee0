/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FACE_HTTP_PAGE_FILES_H
#define PYRITE_FACE_HTTP_PAGE_FILES_H
/* What is in the folder page/, as cmake/embed.cmake makes it. */
#include <stddef.h>

extern const unsigned char page_index_html[], page_app_js[], page_style_css[];
extern const size_t page_index_html_size, page_app_js_size, page_style_css_size;
#endif
