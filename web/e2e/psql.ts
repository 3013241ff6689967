import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';

/** Ends what psql writes when it waits for the next line: `sit=>`, `sit->` inside a statement, `sit=*>` in a transaction. */
const PROMPT = /(?:^|\n)\w+[=(-][*!]?[>#] $/;

/**
 * A person's session of psql: a terminal to it, so that prompts and what is typed are in the text as on a screen.
 * Host and port are those of the environment.
 */
export class Psql {
  /** All that stands on the screen. */
  text = '';
  private readonly process: ChildProcessWithoutNullStreams;

  private constructor(command: string) {
    this.text = `$ ${command}\n`;
    // `script` of Debian's base system makes the terminal; without readline the lines are echoed as they are.
    this.process = spawn('script', ['--quiet', '--return', '--command', `${command} -X -n -P pager=off`, '/dev/null']);
    this.process.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.text += text.replaceAll('\r', '');
    });
  }

  static async open(command: string): Promise<Psql> {
    const psql = new Psql(command);
    await psql.prompt();
    return psql;
  }

  /** Types lines one after the other, and waits for the prompt after the last. */
  async type(lines: string): Promise<void> {
    for (const line of lines.split('\n')) {
      const before = this.text.length;
      this.process.stdin.write(`${line}\n`);
      await this.prompt(before + line.length);
    }
  }

  close(): void {
    this.process.stdin.end();
    this.process.kill();
  }

  private async prompt(after = 0): Promise<void> {
    const deadline = Date.now() + 20_000;
    while (this.text.length <= after || !PROMPT.test(this.text)) {
      if (Date.now() > deadline || this.process.exitCode !== null) throw new Error(`psql does not answer:\n${this.text}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    if (/^(ERROR|FATAL):/m.test(this.text)) throw new Error(`psql refused:\n${this.text}`);
  }
}
