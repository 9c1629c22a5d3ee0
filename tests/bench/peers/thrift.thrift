// SPDX-License-Identifier: MIT
namespace cpp thrifty
service Adder {
    i32 add(1: i32 x, 2: i32 y),
    oneway void note(1: i32 x),
    binary echo(1: binary data),
}
