# SPDX-License-Identifier: MIT
@0xd6a3b1c09f7e4a52;
interface Adder {
  add @0 (x :Int32, y :Int32) -> (sum :Int32);
}
