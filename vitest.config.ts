import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['dist/**', 'node_modules/**'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Many files start servers and children of their own: side by side on a small machine they starve one another.
    maxWorkers: 1,
    // A test that passes only the second time is printed as such; locally it fails.
    retry: process.env['CI'] === undefined ? 0 : 1,
  },
})
