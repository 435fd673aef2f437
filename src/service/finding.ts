/** One line of what was found out about a service. */
export interface Finding {
  readonly name: string
  /** `warning`: all is there, and something could be better. */
  readonly state: 'ok' | 'warning' | 'failed'
  readonly detail: string
}
