export const STYLE = `
:root{color-scheme:light dark;--paper:#fbfbfa;--card:#fff;--ink:#1c1d20;--soft:#64686f;--line:#e2e3e0;--grid:#ececea;
--dense:#8a56d8;--lexical:#d2841a;--fused:#2a78d6;--reranked:#12945f;--bad:#c8402f;--warn:#fff4e2;--warnline:#e6b45c;--gap:#b9bcc2}
@media(prefers-color-scheme:dark){:root{--paper:#131416;--card:#1b1d20;--ink:#e9eaec;--soft:#9aa0a8;--line:#2e3136;--grid:#26292d;
--dense:#b58cf2;--lexical:#eda945;--fused:#67a7f2;--reranked:#44c78f;--bad:#f07a69;--warn:#2c2413;--warnline:#8a6a24;--gap:#5c6169}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 ui-sans-serif,system-ui,"Segoe UI",sans-serif}
main,header{max-width:72rem;margin:auto;padding:0 1.25rem}
header{padding-top:2.2rem}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 .3rem;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:1.15rem;margin:2.6rem 0 .3rem}
h2+p{margin:.1rem 0 1rem;color:var(--soft);max-width:56rem}
.meta{color:var(--soft);margin:0}
.meta code,td code,.settings{font:.87em/1.45 ui-monospace,"SF Mono",Menlo,monospace}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(10.5rem,1fr));gap:.75rem;margin:1.4rem 0 0}
.tile{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:.8rem 1rem}
.tile b{display:block;font-size:1.6rem;line-height:1.25;font-weight:650;font-variant-numeric:tabular-nums;letter-spacing:-.01em}
.tile span{color:var(--soft);font-size:.86rem;display:block}
.tile.bad b{color:var(--bad)}.tile.good b{color:var(--reranked)}
.findings{list-style:none;margin:1rem 0 0;padding:0;display:grid;gap:.4rem}
.findings li{background:var(--card);border:1px solid var(--line);border-left:4px solid var(--fused);border-radius:6px;padding:.5rem .85rem}
.findings li.warning{background:var(--warn);border-color:var(--warnline);border-left-color:var(--warnline)}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:1rem}
.panels{display:grid;grid-template-columns:repeat(auto-fill,minmax(19rem,1fr));gap:.75rem}
figure{margin:0}.panel{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:.7rem .9rem .4rem}
figcaption{font-weight:600}
svg{display:block;width:100%;height:auto;overflow:visible}
svg text{font:13px ui-sans-serif,system-ui,sans-serif;fill:var(--ink);font-variant-numeric:tabular-nums}
svg .tick{fill:var(--soft);font-size:12px}svg .best{font-weight:700}svg .name{font-weight:600}
.grid{stroke:var(--grid)}.whisker{stroke:currentColor;stroke-width:2.5;stroke-linecap:round}.thin{stroke-width:1.5;opacity:.6}.mark{fill:currentColor;stroke:var(--card);stroke-width:1.5}
.stage-dense{color:var(--dense)}.stage-lexical{color:var(--lexical)}.stage-fused{color:var(--fused)}.stage-reranked{color:var(--reranked)}
.scroll{overflow-x:auto}.wide svg{min-width:44rem}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th{font-weight:600;text-align:left;color:var(--soft);font-size:.86rem}
th,td{padding:.32rem .6rem .32rem 0;border-top:1px solid var(--line);vertical-align:top;white-space:nowrap}
thead th{border-top:0;white-space:normal;vertical-align:bottom}.number{text-align:right}td small{color:var(--soft)}
table.slim{width:auto;margin-top:.8rem}table.slim td{border:0;padding-block:.1rem}
.bar{display:flex;height:3.1rem;border-radius:8px;overflow:hidden;gap:2px}
.part{appearance:none;border:0;color:#fff;min-width:1.6rem;flex-basis:0;cursor:pointer;font:inherit;display:flex;flex-direction:column;align-items:center;justify-content:center;line-height:1.15;padding:0;overflow:hidden}
.part span{font-size:.78rem}.part:focus-visible{outline:3px solid var(--ink);outline-offset:-3px}.part[aria-pressed=true]{box-shadow:inset 0 0 0 3px var(--ink)}
.fate-kept{background:#12945f}.fate-search{background:#6b7079}.fate-ranking{background:#8a56d8}.fate-fusion{background:#2a78d6}.fate-rerank{background:#c8402f}
.dot{display:inline-block;width:.7rem;height:.7rem;border-radius:3px;margin-right:.5rem}
.controls{display:flex;flex-wrap:wrap;gap:.6rem 1rem;align-items:end;margin:0 0 .8rem}
.controls label{display:grid;gap:.15rem;font-size:.82rem;color:var(--soft)}
input,select{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:6px;padding:.35rem .55rem;min-width:8rem}
input[type=search]{min-width:16rem}
.count{color:var(--soft);margin-left:auto;align-self:end;padding-bottom:.35rem}
#waterfall rect.up{fill:var(--reranked)}#waterfall rect.down{fill:var(--bad)}#waterfall rect.same{fill:var(--gap)}
.query{background:var(--card);border:1px solid var(--line);border-radius:8px;margin:.4rem 0}
.query>summary{cursor:pointer;display:flex;gap:.8rem;align-items:baseline;padding:.5rem .9rem;list-style:none}
.query>summary::-webkit-details-marker{display:none}
.query>summary:before{content:"▸";color:var(--soft);font-size:.8em}.query[open]>summary:before{content:"▾"}
.query>summary:focus-visible{outline:2px solid var(--fused);outline-offset:2px;border-radius:8px}
.query .text{flex:1;overflow-wrap:anywhere}
.delta{font-variant-numeric:tabular-nums;font-weight:650;min-width:4.2rem;text-align:right}.delta.up{color:var(--reranked)}.delta.down{color:var(--bad)}.delta.same{color:var(--soft);font-weight:400}
.from{color:var(--soft);font-variant-numeric:tabular-nums;font-size:.86rem;white-space:nowrap}
.inside{padding:.2rem .9rem .9rem;border-top:1px solid var(--line)}
.inside h3{font-size:.82rem;color:var(--soft);font-weight:600;margin:.9rem 0 .3rem}
mark{background:#ffe79a;color:inherit;border-radius:3px}@media(prefers-color-scheme:dark){mark{background:#5a4a12}}
label select{max-width:14rem}
.columns{display:grid;grid-template-columns:1fr 1fr;gap:1.4rem}
.document{border-left:3px solid var(--gap);padding:.05rem 0 .05rem .75rem;margin:.5rem 0}
.document.relevant{border-color:var(--reranked)}
.document p{margin:.15rem 0 0;overflow-wrap:anywhere;white-space:pre-line;font-size:.93rem}.document b{overflow-wrap:anywhere}
.document .id{color:var(--soft);font:.8rem ui-monospace,monospace;overflow-wrap:anywhere}
.ranks{display:flex;flex-wrap:wrap;gap:.3rem;margin:.25rem 0 0}
.chip{font-size:.78rem;border:1px solid currentColor;border-radius:99px;padding:0 .5rem;font-variant-numeric:tabular-nums}.chip.none{opacity:.55}
.chip.lost{background:var(--bad);border-color:var(--bad);color:#fff}
.more{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:6px;padding:.45rem 1rem;cursor:pointer;margin:.6rem 0}
details.settings{margin:1rem 0 0}details.settings pre{white-space:pre-wrap;overflow-wrap:anywhere}
footer{max-width:72rem;margin:3rem auto 2rem;padding:0 1.25rem;color:var(--soft);font-size:.86rem}
@media(max-width:46rem){.columns{grid-template-columns:1fr;gap:0}.query>summary{flex-wrap:wrap}.query .text{flex-basis:100%;order:3}.count{margin-left:0}}
@media print{.controls,.more{display:none}}
`
