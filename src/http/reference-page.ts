import type { Json, OpenApiDocument } from './openapi.ts'

/** The API document as one page of HTML that loads nothing from anywhere. */
export function renderReference(document: OpenApiDocument): string {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )
  const tags = document.tags.map(({ name }) => String(name))
  const sections = tags.map((tag) => {
    const own = operations.filter(({ operation }) => (operation['tags'] as string[]).includes(tag))
    return `<section id="${escapeHtml(tag)}"><h2>${escapeHtml(tag)}</h2>${own.map(renderOperation).join('')}</section>`
  })
  const links = tags.map((tag) => `<a href="#${escapeHtml(tag)}">${escapeHtml(tag)}</a>`)
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Quarry API</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><style>${STYLE}</style></head><body>
<header><h1>Quarry API</h1><p>Generated from <a href="openapi.json">openapi.json</a>. Send a key as
<code>Authorization: Bearer qk_…</code>; errors are <code>application/problem+json</code>.</p><nav>${links.join(' ')}</nav></header>
<main>${sections.join('')}<section id="schemas"><h2>Schemas</h2>${renderSchemas(document)}</section></main></body></html>`
}

interface Operation {
  readonly path: string
  readonly method: string
  readonly operation: Json
}

function renderOperation({ path, method, operation }: Operation): string {
  const parameters = operation['parameters'] as readonly Json[]
  return `<article id="${escapeHtml(operation['operationId'])}"><h3><b class="${method}">${method.toUpperCase()}</b> <code>${escapeHtml(path)}</code></h3>
<p><strong>${escapeHtml(operation['summary'])}.</strong></p><p>${paragraph(operation['description'])}</p>
${parameters.length === 0 ? '' : `<table>${parameters.map(renderParameter).join('')}</table>`}
${renderContents('Body', operation['requestBody'])}
${Object.entries(operation['responses'] as Json)
  .map(([status, response]) => renderContents(status, response))
  .join('')}</article>`
}

function renderParameter(parameter: Json): string {
  const { type, enum: options, default: normal } = parameter['schema'] as Json
  const kind = Array.isArray(options) ? options.join(' | ') : String(type ?? '')
  const notes = [
    String(parameter['in']),
    kind,
    parameter['required'] === true ? 'required' : '',
    normal === undefined ? '' : `default ${String(normal)}`,
  ]
  return `<tr><td><code>${escapeHtml(parameter['name'])}</code></td><td>${escapeHtml(notes.filter((note) => note !== '').join(', '))}</td>
<td>${paragraph(parameter['description'] ?? '')}</td></tr>`
}

function renderContents(label: string, described: unknown): string {
  if (described === undefined) return ''
  const { description, content = {} } = described as { description?: string; content?: Json }
  const kinds = Object.entries(content).map(([mediaType, media]) => {
    const { schema } = media as { schema?: unknown }
    if (schema === undefined) return `<p><code>${escapeHtml(mediaType)}</code></p>`
    return `<details><summary><code>${escapeHtml(mediaType)}</code></summary>${renderJson(schema)}</details>`
  })
  return `<div class="content"><h4>${escapeHtml(label)}</h4><div><p>${paragraph(description ?? '')}</p>${kinds.join('')}</div></div>`
}

function renderSchemas({ components }: OpenApiDocument): string {
  return Object.entries(components['schemas'] as Json)
    .map(
      ([name, schema]) =>
        `<article id="${escapeHtml(name)}"><h3>${escapeHtml(name)}</h3>${renderJson(schema)}</article>`,
    )
    .join('')
}

function renderJson(value: unknown): string {
  return `<pre>${escapeHtml(JSON.stringify(value, null, 2))}</pre>`
}

function paragraph(text: unknown): string {
  return escapeHtml(text)
    .replaceAll(/`([^`]+)`/g, '<code>$1</code>')
    .replaceAll('\n\n', '<br>')
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
}

function escapeHtml(text: unknown): string {
  return String(text).replaceAll(/[&<>"]/g, (character) => ENTITIES[character] ?? character)
}

const STYLE = `:root{color-scheme:light dark;--line:#8884;--mark:#0b6}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:auto;padding:1rem}
code,pre{font:.9em/1.4 ui-monospace,monospace}pre{overflow:auto;max-height:30rem;padding:.75rem;border:1px solid var(--line);border-radius:6px}
nav a{margin-right:.75rem}h2{border-bottom:2px solid var(--line);margin-top:2.5rem}article{margin:1.5rem 0 2.5rem}
h3 b{color:var(--mark);font-size:.85em;margin-right:.4rem}h3 b.delete{color:#c43}h3 b.get{color:#28c}
table{border-collapse:collapse;width:100%}td{border-top:1px solid var(--line);padding:.35rem .75rem .35rem 0;vertical-align:top}
.content{display:grid;grid-template-columns:4.5rem 1fr;border-top:1px solid var(--line);padding:.35rem 0}h4,.content p{margin:0}summary{cursor:pointer}`
