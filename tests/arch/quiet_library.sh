#!/bin/bash
# quiet_library.sh LIB.a [EXEMPT_MEMBER]
# Fails when a library prints or ends the process: no object file in it may need a symbol that does.
# The one exempt member is the contract sink of room base. An exception that escapes (std::terminate) is a bug the
# tests catch; it needs no symbol of its own here.
set -euo pipefail
library=$1 exempt=${2:-}
forbidden='_?exit|_Exit|quick_exit|abort|__assert_fail|__assert_perror_fail'
forbidden+='|printf|vprintf|__v?printf_chk|puts|putchar|putc|perror|psignal|syslog|vsyslog|__v?syslog_chk'
forbidden+='|stdout|stderr|stdin|getchar|system'
forbidden+='|_ZSt4cout|_ZSt4cerr|_ZSt4clog|_ZSt3cin|_ZSt5wcout|_ZSt5wcerr'
forbidden+='|_ZN3fmt2v[0-9]+6vprintENS0_17basic_string_view.*|_ZN3hwy4WarnEPKciS1_z'
undefined=$(nm -A -u "$library" 2>/dev/null)
members=$(ar t "$library" | wc -l)
[ "$members" -gt 0 ] || { echo "$library: no members"; exit 1; }
bad=$(grep -E ": +U (${forbidden})(@.*)?\$" <<<"$undefined" || true)
if [ -n "$exempt" ]; then bad=$(grep -v ":${exempt}:" <<<"$bad" || true); fi
if [ -n "$bad" ]; then
  echo "these call something that prints or ends the process:"
  echo "$bad"
  exit 1
fi
echo "$library: $members object files are quiet"
