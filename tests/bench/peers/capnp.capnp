# SPDX-License-Identifier: MIT
@0xd2b7a2f1c5e0c4a9;
interface Adder {
  add @0 (x :Int32, y :Int32) -> (sum :Int32);
  echo @1 (data :Data) -> (data :Data);
}
