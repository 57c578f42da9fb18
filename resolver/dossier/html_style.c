/* dossier/html_style.c - how a page looks: on a screen light and dark, narrow, and on paper. */
#include "dossier/render.h"

#include <stddef.h>

/* Colours are at least 3:1 against the ground (shapes) and 4.5:1 (letters): WCAG 2.2, 1.4.11
 * and 1.4.3. Nothing is told by colour alone. */
/* NOLINTBEGIN(bugprone-suspicious-missing-comma): a rule that does not fit a line goes on in
 * the next; each ends with its newline. */
const char *const dossier_style[] = {
    ":root{color-scheme:light dark;--ground:#fff;--sheet:#f6f7f9;--line:#d5dae0;"
    "--text:#1b1f24;--soft:#56606b;--link:#0b57a4;--warn:#7a4b00;--warn-ground:#fff6e5;"
    "--bad:#a3201a;--good:#226b3f;--l0:#b3261e;--l1:#c9605a;--l2:#9a5b00;--l3:#b07a2a;"
    "--l4:#0b6a7a;--l5:#6b3fa0;--l6:#4f6b8a;--l7:#6b6257;--l8:#7d858e;--l9:#2b4c7e;"
    "--e0:#1f4e9c;--e1:#5b8bcf;--e2:#8a6d00;--e3:#2e7d4f;--e4:#a8447f;"
    "--e5:#6e7781;--e6:#868e97}\n",
    "@media screen and (prefers-color-scheme:dark){\n",
    ":root{--ground:#12161b;--sheet:#1a2027;--line:#343d47;--text:#e6e9ec;--soft:#a3adb8;"
    "--link:#8cbcf5;--warn:#f2c46d;--warn-ground:#2a2213;--bad:#ff8f86;--good:#7fd3a0;"
    "--l0:#ff8a80;--l1:#d07a73;--l2:#f0b35a;--l3:#b88a4a;--l4:#5cc4d6;--l5:#c3a0f5;"
    "--l6:#9db7d4;--l7:#b8aea0;--l8:#8e979f;--l9:#7fa6e8;--e0:#7aa7f0;--e1:#5379bb;"
    "--e2:#d9bb4e;--e3:#6cc491;--e4:#e58fc0;--e5:#9aa4ae;--e6:#7c858f}\n",
    "}*{box-sizing:border-box}html{-webkit-text-size-adjust:100%;text-size-adjust:100%}\n",
    "body{margin:0;background:var(--ground);color:var(--text);font:16px/1.5 system-ui,"
    "-apple-system,\"Segoe UI\",\"Noto Sans\",\"DejaVu Sans\",sans-serif}\n",
    "header,main,footer{max-width:80rem;margin:0 auto;padding:0 1.5rem}\n",
    "header{padding-top:2.5rem}\n",
    ".mark{margin:0;color:var(--soft);font-size:.8125rem;letter-spacing:.08em;"
    "text-transform:uppercase}\n",
    "h1{margin:.1em 0 .25em;font-size:2rem;line-height:1.2}\n",
    "h2{margin:0 0 .25rem;font-size:1.25rem;line-height:1.3}\n",
    "h2 small{font-size:.8125rem;font-weight:400;color:var(--soft);margin-left:.5em;"
    "white-space:nowrap}\n",
    ".lead,.words{max-width:46rem;color:var(--soft)}\n",
    ".lead{margin:0 0 1.25rem;font-size:1.0625rem}\n",
    ".words{margin:0 0 1rem;font-size:.9375rem}a{color:var(--link)}\n",
    "a:focus-visible,.scroll:focus-visible{outline:3px solid var(--link);"
    "outline-offset:2px}\n",
    ".facts{display:flex;flex-wrap:wrap;gap:.75rem 2rem;margin:0 0 1.25rem;padding:0}\n",
    ".facts div{min-width:0}.facts dt{color:var(--soft);font-size:.8125rem}\n",
    ".facts dd{margin:0;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}\n",
    "nav{margin:0 0 1.5rem;font-size:.9375rem}\n",
    "nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;margin:0;padding:0;"
    "list-style:none}\n",
    ".notices{margin:0 0 2rem;padding:.75rem 1rem;border-left:4px solid var(--warn);"
    "background:var(--warn-ground);border-radius:0 6px 6px 0}\n",
    ".notices h2{font-size:1rem;color:var(--warn)}\n",
    ".notices ul{margin:0;padding-left:1.25rem}\n",
    ".tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr));"
    "gap:.75rem;margin:0 0 1rem;padding:0;list-style:none}\n",
    ".tiles li{padding:.6rem .8rem .7rem;background:var(--sheet);"
    "border-top:4px solid var(--line);border-radius:4px}\n",
    ".tiles strong{display:block;font-size:1.5rem;line-height:1.25;"
    "font-variant-numeric:tabular-nums}\n",
    ".tiles span{display:block;font-size:.8125rem;line-height:1.35;color:var(--soft)}\n",
    ".figures{margin:0 0 2.5rem}.figures h2{font-size:1rem;margin:0 0 .5rem}\n",
    "section.part{margin:0 0 3rem}\n",
    ".scroll{overflow-x:auto;border:1px solid var(--line);border-radius:6px}\n",
    "table{border-collapse:collapse;width:100%;font-size:.875rem;line-height:1.4}\n",
    "caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);"
    "white-space:nowrap}\n",
    "th,td{padding:.45rem .75rem;text-align:left;vertical-align:top}\n",
    "thead th{background:var(--sheet);border-bottom:1px solid var(--line);"
    "font-weight:600;font-size:.8125rem;line-height:1.3;vertical-align:bottom}\n",
    "tbody th{font-weight:600}tbody tr+tr>*{border-top:1px solid var(--line)}\n",
    "tbody tr:hover>*{background:var(--sheet)}\n",
    ".t{overflow-wrap:anywhere;min-width:9rem;max-width:28rem}.w{min-width:18rem}\n",
    ".n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\n",
    "thead .n{white-space:normal;min-width:4.5rem}\n",
    ".d{white-space:nowrap;font-variant-numeric:tabular-nums}\n",
    ".z{color:var(--soft)}.b{min-width:8rem;vertical-align:middle}\n",
    ".sw{display:inline-block;width:.7em;height:.7em;margin-right:.4em;border-radius:2px;"
    "background:var(--line)}\n",
    ".tag{display:inline-block;padding:0 .5em;border:1px solid;border-left-width:5px;"
    "border-radius:4px;white-space:nowrap}\n",
    "rect.l0{fill:var(--l0)}.sw.l0{background:var(--l0)}.tag.l0{border-color:var(--l0)}\n",
    ".tiles .l0{border-top-color:var(--l0)}rect.l1{fill:var(--l1)}\n",
    ".sw.l1{background:var(--l1)}.tag.l1{border-color:var(--l1)}\n",
    ".tiles .l1{border-top-color:var(--l1)}rect.l2{fill:var(--l2)}\n",
    ".sw.l2{background:var(--l2)}.tag.l2{border-color:var(--l2)}\n",
    ".tiles .l2{border-top-color:var(--l2)}rect.l3{fill:var(--l3)}\n",
    ".sw.l3{background:var(--l3)}.tag.l3{border-color:var(--l3)}\n",
    ".tiles .l3{border-top-color:var(--l3)}rect.l4{fill:var(--l4)}\n",
    ".sw.l4{background:var(--l4)}.tag.l4{border-color:var(--l4)}\n",
    ".tiles .l4{border-top-color:var(--l4)}rect.l5{fill:var(--l5)}\n",
    ".sw.l5{background:var(--l5)}.tag.l5{border-color:var(--l5)}\n",
    ".tiles .l5{border-top-color:var(--l5)}rect.l6{fill:var(--l6)}\n",
    ".sw.l6{background:var(--l6)}.tag.l6{border-color:var(--l6)}\n",
    ".tiles .l6{border-top-color:var(--l6)}rect.l7{fill:var(--l7)}\n",
    ".sw.l7{background:var(--l7)}.tag.l7{border-color:var(--l7)}\n",
    ".tiles .l7{border-top-color:var(--l7)}rect.l8{fill:var(--l8)}\n",
    ".sw.l8{background:var(--l8)}.tag.l8{border-color:var(--l8)}\n",
    ".tiles .l8{border-top-color:var(--l8)}rect.l9{fill:var(--l9)}\n",
    ".sw.l9{background:var(--l9)}.tag.l9{border-color:var(--l9)}\n",
    ".tiles .l9{border-top-color:var(--l9)}rect.e0{fill:var(--e0)}\n",
    ".sw.e0{background:var(--e0)}.tag.e0{border-color:var(--e0)}\n",
    ".tiles .e0{border-top-color:var(--e0)}rect.e1{fill:var(--e1)}\n",
    ".sw.e1{background:var(--e1)}.tag.e1{border-color:var(--e1)}\n",
    ".tiles .e1{border-top-color:var(--e1)}rect.e2{fill:var(--e2)}\n",
    ".sw.e2{background:var(--e2)}.tag.e2{border-color:var(--e2)}\n",
    ".tiles .e2{border-top-color:var(--e2)}rect.e3{fill:var(--e3)}\n",
    ".sw.e3{background:var(--e3)}.tag.e3{border-color:var(--e3)}\n",
    ".tiles .e3{border-top-color:var(--e3)}rect.e4{fill:var(--e4)}\n",
    ".sw.e4{background:var(--e4)}.tag.e4{border-color:var(--e4)}\n",
    ".tiles .e4{border-top-color:var(--e4)}rect.e5{fill:var(--e5)}\n",
    ".sw.e5{background:var(--e5)}.tag.e5{border-color:var(--e5)}\n",
    ".tiles .e5{border-top-color:var(--e5)}rect.e6{fill:var(--e6)}\n",
    ".sw.e6{background:var(--e6)}.tag.e6{border-color:var(--e6)}\n",
    ".tiles .e6{border-top-color:var(--e6)}.good{color:var(--good);font-weight:600}\n",
    ".bad{color:var(--bad);font-weight:700}figure{margin:0 0 1rem}\n",
    ".plot{position:relative;padding-top:1.25rem}\n",
    ".most{position:absolute;top:0;left:0;margin:0;font-size:.8125rem;color:var(--soft);"
    "font-variant-numeric:tabular-nums}\n",
    ".columns{display:block;width:100%;height:10rem}\n",
    ".bar{display:block;width:100%;height:.8rem}\n",
    ".grid{stroke:var(--line);stroke-width:1;vector-effect:non-scaling-stroke}\n",
    ".axis{display:flex;justify-content:space-between;gap:1rem;padding-top:.25rem;"
    "font-size:.8125rem;color:var(--soft);font-variant-numeric:tabular-nums}\n",
    ".step{margin:.1rem 0 0;font-size:.8125rem;color:var(--soft)}\n",
    "thead .sw{display:block;width:1.75em;height:.3em;margin:0 0 .25rem auto}\n",
    "thead .b{vertical-align:bottom}.legend{display:flex;flex-wrap:wrap;gap:.2rem "
    "1.25rem;margin:0 0 .75rem;padding:0;"
    "list-style:none;font-size:.8125rem}\n",
    ".none{margin:0;color:var(--soft)}\n",
    ".more{margin:.5rem 0 0;font-size:.8125rem;color:var(--soft)}\n",
    "footer{padding-bottom:3rem;color:var(--soft);font-size:.8125rem}\n",
    "@media (max-width:40rem){\n",
    "header,main,footer{padding-left:1rem;padding-right:1rem}header{padding-top:1.25rem}\n",
    "h1{font-size:1.6rem}\n",
    ".tiles{grid-template-columns:repeat(auto-fill,minmax(7.5rem,1fr))}\n",
    ".columns{height:7rem}\n",
    ".scroll{margin-left:-1rem;margin-right:-1rem;border-radius:0;border-left:0;"
    "border-right:0}\n",
    "th,td{padding:.4rem .6rem}.w{min-width:14rem}\n",
    ".axis time:nth-child(2):nth-last-child(2){display:none}}\n",
    "@page{size:A4 landscape;margin:12mm}\n",
    "@media print{\n",
    ":root{color-scheme:light}body{font-size:10pt}\n",
    "header,main,footer{max-width:none;padding:0}header{padding-top:0}nav{display:none}\n",
    "*{-webkit-print-color-adjust:exact;print-color-adjust:exact}\n",
    ".scroll{overflow:visible;border:0}table{font-size:7pt}thead th{font-size:6.5pt}\n",
    "th,td{padding:2pt 2.5pt}thead .n{min-width:0}.t{min-width:14mm}.w{min-width:30mm}\n",
    ".b{min-width:16mm}.d{white-space:normal;min-width:12mm}thead{display:table-header-group}"
    "\n",
    "tr,figure,.tiles li{break-inside:avoid}h2{break-after:avoid}\n",
    ".words{break-after:avoid}section.part{margin-bottom:8mm}\n",
    "a{color:inherit;text-decoration:none}.columns{height:32mm}}\n",
    NULL,
};
/* NOLINTEND(bugprone-suspicious-missing-comma) */
