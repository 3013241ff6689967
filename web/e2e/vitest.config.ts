import { defineConfig } from 'vitest/config';

// One browser, one file after the other: the tests share two cores with everything else.
export default defineConfig({
  test: { include: ['e2e/**/*.e2e.ts'], testTimeout: 150_000, hookTimeout: 60_000, fileParallelism: false },
});
