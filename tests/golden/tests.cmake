# SPDX-License-Identifier: MIT
# Output of pyrite-idl, file by file; PYRITE_UPDATE_GOLDEN=1 takes what comes out now as right. Then the command itself.
pyrite_script_test(golden golden/golden.sh ONCE)
pyrite_script_test(generator golden/generator.sh)
pyrite_script_test(generator_budgets golden/budgets.sh ONCE)
