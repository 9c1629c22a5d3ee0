// SPDX-License-Identifier: MIT
namespace c_glib add
service Adder {
  i32 add(1: i32 x, 2: i32 y)
}
