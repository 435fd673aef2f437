import type { Pooling } from './protocol.ts'

/** What a family's model card says and its files often do not. */
interface Family {
  readonly pattern: RegExp
  readonly pooling: Pooling
  readonly query: string
  readonly passage: string
}

const FAMILIES: readonly Family[] = [
  {
    pattern: /bge-.*-zh/,
    pooling: 'cls',
    query: '为这个句子生成表示以用于检索相关文章：',
    passage: '',
  },
  asking(/bge-(micro|small|base|large)/, 'cls'),
  asking(/mxbai-embed|snowflake-arctic-embed|arctic-embed/, 'cls'),
  { pattern: /(^|[^a-z])e5-/, pooling: 'mean', query: 'query: ', passage: 'passage: ' },
  {
    pattern: /nomic-embed-text/,
    pooling: 'mean',
    query: 'search_query: ',
    passage: 'search_document: ',
  },
  plain(/jina-embeddings-v2|minilm|mpnet|(^|[^a-z])gte-|multi-qa|msmarco-distilbert/, 'mean'),
]

function plain(pattern: RegExp, pooling: Pooling): Family {
  return { pattern, pooling, query: '', passage: '' }
}

function asking(pattern: RegExp, pooling: Pooling): Family {
  return {
    pattern,
    pooling,
    query: 'Represent this sentence for searching relevant passages: ',
    passage: '',
  }
}

/** The family that one of the names belongs to, such as the folder's and the one in `config.json`. */
export function familyOf(names: readonly string[]): Family | undefined {
  const known = names.map((name) => name.toLowerCase())
  return FAMILIES.find(({ pattern }) => known.some((name) => pattern.test(name)))
}
