#!/usr/bin/env bash
# Says what a first visit loads, as brotli: size.sh [ADDRESS]
# With the address of a running server the first page itself is weighed too. `--check` before it fails if the whole is over its budget.
set -euo pipefail
cd "$(dirname "$0")/.."

is_checked=
if [ "${1:-}" = --check ]; then
    is_checked=1
    shift
fi
readonly ADDRESS="${1:-}" SITE=target/site
# In kB of 1000 bytes. Fonts are not waited for, so they have a budget of their own.
readonly FIRST_LOAD_MAX=350 FONTS_MAX=80
[ -f "$SITE/manifest.json" ] || { echo "size: there is no site in $SITE: make site" >&2; exit 1; }

# row NAME BYTES [BUDGET]
row() {
    local kb=$((($2 + 999) / 1000)) mark=
    if [ -n "${3:-}" ]; then
        mark="of $3 kB"
        [ "$kb" -le "$3" ] || mark="$mark: $((kb - $3)) kB over"
    fi
    printf '%-20s %5d kB  %s\n' "$1" "$kb" "$mark"
}

# The bytes of a file of the site as they travel. sent NAME of the manifest's PART, or of the whole.
sent() {
    local fields name
    fields=$(cat "$SITE/manifest.json")
    [ -z "${2:-}" ] || fields=$(sed -n "s/.*\"$2\":{\([^}]*\)}.*/\1/p" <<<"$fields")
    name=$(sed -n "s/.*\"$1\":\"\/\([^\"]*\)\".*/\1/p" <<<"$fields")
    if [ -f "$SITE/$name.br" ]; then wc -c <"$SITE/$name.br"; else wc -c <"$SITE/$name"; fi
}

app=$(sent wasm board)
glue=$(sent js board)
style=$(sent css)
page=0
if [ -n "$ADDRESS" ]; then
    page=$(curl --silent --show-error --fail --header 'accept: text/html' --header 'accept-encoding: br' "$ADDRESS/" | wc -c)
    row 'page (HTML)' "$page"
fi
row 'app (WASM)' "$app"
row 'glue (JavaScript)' "$glue"
row styles "$style"
all=$((page + app + glue + style))
row 'first load' "$all" "$FIRST_LOAD_MAX"
row 'a run, besides' "$(($(sent wasm monitor) + $(sent js monitor)))"
row 'the editor, besides' "$(($(sent wasm editor) + $(sent js editor)))" 600
row fonts "$(cat "$SITE"/fonts/*.woff2 | wc -c)" "$FONTS_MAX"
[ -z "$is_checked" ] || [ "$all" -le $((FIRST_LOAD_MAX * 1000)) ]
