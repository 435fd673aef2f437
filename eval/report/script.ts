/**
 * What runs in the reader's browser: the per-query part of the page, from the data beside it. It builds elements and
 * sets their text, never HTML, so that a document can't become a part of the page.
 */
export const SCRIPT = `
'use strict'
const data = JSON.parse(document.getElementById('data').textContent)
const byId = (id) => document.getElementById(id)
const state = { from: data.from, to: data.to, metric: data.metrics[0], order: 'loss', fate: '', text: '', shown: 25 }

function el(name, props, ...children) {
  const node = document.createElement(name)
  for (const [key, value] of Object.entries(props || {}))
    if (key === 'class') node.className = value
    else if (key.startsWith('on')) node.addEventListener(key.slice(2), value)
    else node.setAttribute(key, value)
  for (const child of children) if (child !== null) node.append(child)
  return node
}
function choose(id, values, current, change) {
  const select = byId(id)
  for (const value of values) {
    const option = el('option', { value: value[0] }, value[1])
    option.selected = value[0] === current
    select.append(option)
  }
  select.addEventListener('change', () => { change(select.value); state.shown = 25; draw() })
}
const score = (query, stage) => {
  const own = query.stages[stage]
  return own && own.state !== 'failed' ? own.metrics[state.metric] ?? 0 : 0
}
const delta = (query) => score(query, state.to) - score(query, state.from)
const hasFate = (query) => state.fate === '' || query.relevant.some((each) => each.fate === state.fate)
const hasText = (query) => state.text === '' || (query.id + ' ' + query.text).toLowerCase().includes(state.text)
const ORDERS = {
  loss: (a, b) => delta(a) - delta(b),
  win: (a, b) => delta(b) - delta(a),
  worst: (a, b) => score(a, state.to) - score(b, state.to),
  slow: (a, b) => ms(b) - ms(a),
}
const ms = (query) => (query.stages[state.to] ? query.stages[state.to].latency_ms : 0)

function sign(value) { return Math.abs(value) < 0.00005 ? 'same' : value > 0 ? 'up' : 'down' }
function signed(value) { return sign(value) === 'same' ? '±0' : (value > 0 ? '+' : '−') + Math.abs(value).toFixed(3) }

function waterfall() {
  const column = (stage) => (data.scores[state.metric] || {})[stage] || []
  const from = column(state.from)
  const all = column(state.to).map((value, at) => value - (from[at] || 0))
  const deltas = all.filter((value) => sign(value) !== 'same').sort((a, b) => b - a)
  const svg = byId('waterfall')
  const [width, height] = [1000, 150]
  const bars = Math.min(deltas.length, 400)
  const most = Math.max(0.05, ...deltas.map(Math.abs))
  const parts = []
  for (let bar = 0; bar < bars; bar++) {
    const value = deltas[Math.floor(((bar + 0.5) / bars) * deltas.length)]
    const size = Math.max(1, (Math.abs(value) / most) * (height / 2 - 4))
    const rect = document.createElementNS('http://www.w3.org/2000/svg', 'rect')
    const set = (name, to) => rect.setAttribute(name, to)
    set('x', ((bar / bars) * width).toFixed(2)); set('width', Math.min(40, (width / bars) * 0.86).toFixed(2))
    set('y', (value > 0 ? height / 2 - size : height / 2).toFixed(2)); set('height', size.toFixed(2)); set('class', sign(value))
    parts.push(rect)
  }
  svg.replaceChildren(...parts)
  const count = (kind) => all.filter((value) => sign(value) === kind).length
  byId('tally').textContent = count('up') + ' better, ' + count('down') + ' worse, ' + count('same') + ' alike, of ' + all.length + ' queries'
}

const SMALL = new Set('about after also and are between but does for from has have how its more not than that the their this was were what when which who why will with'.split(' '))
/** The text with the query's words marked. Stems are good enough for a reader: the first letters of longer words. */
function marked(text, words) {
  const node = el('p', {})
  if (words.length === 0) { node.append(text); return node }
  const pattern = new RegExp('(?<![\\\\p{L}\\\\p{N}])(?:' + words.join('|') + ')\\\\p{L}{0,3}', 'giu')
  let from = 0
  for (const found of text.matchAll(pattern)) {
    node.append(text.slice(from, found.index), el('mark', {}, found[0]))
    from = found.index + found[0].length
  }
  node.append(text.slice(from))
  return node
}
function wordsOf(query) {
  const words = query.toLowerCase().match(/[\\p{L}\\p{N}]{3,}/gu) || []
  return [...new Set(words.filter((word) => !SMALL.has(word)).map((word) => word.slice(0, word.length > 7 ? -2 : word.length > 4 ? -1 : undefined)))]
}
function documentOf(id, relevant, ranks, place, words) {
  const text = Object.hasOwn(data.texts, id) ? data.texts[id] : null
  const name = text && text.title !== '' ? el('b', {}, text.title) : null
  return el('div', { class: 'document' + (relevant ? ' relevant' : '') },
    el('span', { class: 'id' }, (place ? place + '. ' : '') + id + (relevant ? '  ✓ relevant' + (relevant.grade === 1 ? '' : ', grade ' + relevant.grade) : '')), name ? el('div', {}, name) : null,
    marked(text === null ? '(its text is not in this report)' : text.text, words), ranks)
}
function ranksOf(each) {
  const chips = data.stages.map((stage) => el('span', { class: 'chip stage-' + stage + (each.ranks[stage] ? '' : ' none') },
    stage + ' ' + (each.ranks[stage] ? '#' + each.ranks[stage] : '–')))
  if (each.fate && each.fate !== 'kept') chips.push(el('span', { class: 'chip lost' }, data.fates[each.fate]))
  return el('div', { class: 'ranks' }, ...chips)
}
function inside(query) {
  const own = query.stages[state.to]
  const words = wordsOf(query.text)
  const relevant = new Map(query.relevant.map((each) => [each.document, each]))
  const ranks = query.relevant.map((each) => each.ranks[state.to]).filter((rank) => rank !== undefined)
  const lowest = ranks.length === query.relevant.length ? Math.max(...ranks) : Infinity
  const top = own ? own.top.slice(0, Math.min(5, Math.max(1, lowest))) : []
  const scores = el('div', { class: 'ranks' }, ...data.stages.filter((stage) => query.stages[stage]).map((stage) => {
    const at = query.stages[stage]
    return el('span', { class: 'chip stage-' + stage }, stage + ' ' + (at.metrics[state.metric] ?? 0).toFixed(3) + ', ' + at.latency_ms.toFixed(1) + ' ms' + (at.state === 'whole' ? '' : ', ' + at.state))
  }))
  return el('div', { class: 'inside' }, scores, el('div', { class: 'columns' },
    el('div', {}, el('h3', {}, query.relevant.length === 1 ? 'The relevant passage' : 'The ' + query.relevant.length + ' relevant passages'),
      ...query.relevant.slice(0, 8).map((each) => documentOf(each.document, each, ranksOf(each), 0, words))),
    el('div', {}, el('h3', {}, 'What ' + state.to + ' ranked on top'),
      ...(top.length === 0 ? [el('p', {}, 'nothing')] : top.map((id, at) => documentOf(id, relevant.get(id), null, at + 1, words))))))
}
function row(query) {
  const change = delta(query)
  const details = el('details', { class: 'query' }, el('summary', {},
    el('span', { class: 'delta ' + sign(change) }, signed(change)),
    el('span', { class: 'text' }, query.text),
    el('span', { class: 'from' }, score(query, state.from).toFixed(2) + ' → ' + score(query, state.to).toFixed(2))))
  details.addEventListener('toggle', () => { if (details.open && details.children.length === 1) details.append(inside(query)) })
  return details
}
function draw() {
  waterfall()
  const found = data.queries.filter((query) => hasFate(query) && hasText(query)).sort(ORDERS[state.order])
  const left = found.length - state.shown
  byId('queries').replaceChildren(...found.slice(0, state.shown).map(row))
  if (left > 0) byId('queries').append(el('button', { class: 'more', type: 'button', onclick: () => { state.shown += 100; draw() } }, 'Show more (' + left + ' left)'))
  byId('count').textContent = found.length + (data.queries.length < data.total ? ' of the ' + data.queries.length + ' queries with texts in this report (' + data.total + ' asked)' : ' of ' + data.total + ' queries')
  for (const part of document.querySelectorAll('.part')) part.setAttribute('aria-pressed', String(part.dataset.fate === state.fate))
}

const stages = data.stages.map((stage) => [stage, stage])
choose('from', stages, state.from, (value) => { state.from = value })
choose('to', stages, state.to, (value) => { state.to = value })
choose('metric', data.metrics.map((metric) => [metric, metric]), state.metric, (value) => { state.metric = value })
choose('order', [['loss', 'largest losses'], ['win', 'largest wins'], ['worst', 'lowest scores'], ['slow', 'slowest']], state.order, (value) => { state.order = value })
choose('fate', [['', 'any'], ...Object.entries(data.fates)], '', (value) => { state.fate = value })
byId('find').addEventListener('input', (event) => { state.text = event.target.value.toLowerCase(); state.shown = 25; draw() })
for (const part of document.querySelectorAll('.part')) part.addEventListener('click', () => {
  state.fate = state.fate === part.dataset.fate ? '' : part.dataset.fate
  byId('fate').value = state.fate
  state.shown = 25
  draw()
  byId('per-query').scrollIntoView({ behavior: 'smooth' })
})
draw()
`
