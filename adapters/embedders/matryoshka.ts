/** Families whose model cards say that the first numbers of a vector are a vector by themselves. */
const FAMILIES: readonly RegExp[] = [
  /text-embedding-3-(?:small|large)/,
  /nomic-embed-text-v(?:1\.5|2)/,
  /mxbai-embed-large-v1/,
  /snowflake-arctic-embed-(?:m-v1\.5|m-v2\.0|l-v2\.0)/,
  /jina-embeddings-v[345]/,
  /voyage-(?:3-large|3\.5|code-3|4)/,
  /embed-v4\.0/,
  /qwen3-embedding/,
  /embeddinggemma/,
]

export function isMatryoshka(model: string): boolean {
  const name = model.toLowerCase()
  return FAMILIES.some((family) => family.test(name))
}
