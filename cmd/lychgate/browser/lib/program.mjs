// Starting and stopping other programs by what they print, never by the clock.
import { spawn } from 'node:child_process';

// start runs a program and resolves once its output, both streams together,
// matches ready. It rejects with everything printed if the program ends first
// or is not ready within patience milliseconds.
export async function start(command, args, { ready, env, cwd, patience = 120_000 }) {
  const child = spawn(command, args, { env: { ...process.env, ...env }, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const program = { child, output: '' };
  let listeners = [];
  const heard = (chunk) => {
    program.output += chunk;
    listeners.forEach((l) => l());
  };
  child.stdout.setEncoding('utf8').on('data', heard);
  child.stderr.setEncoding('utf8').on('data', heard);

  program.exited = new Promise((resolve) => {
    child.on('error', (error) => resolve({ error }));
    child.on('exit', (code, signal) => resolve({ code, signal }));
  });

  // printed resolves with the match once the output contains pattern.
  program.printed = (pattern) => new Promise((resolve, reject) => {
    const fail = (why) => reject(new Error(`${command} ${args.join(' ')}: ${why}\n${program.output}`));
    const timer = setTimeout(() => fail(`did not print ${pattern}`), patience);
    const look = () => {
      const match = pattern.exec(program.output);
      if (!match) return;
      clearTimeout(timer);
      listeners = listeners.filter((l) => l !== look);
      resolve(match);
    };
    listeners.push(look);
    program.exited.then(({ error, code, signal }) => {
      clearTimeout(timer);
      fail(error ? error.message : `ended with ${code ?? signal}`);
    });
    look();
  });

  // stop asks the program to end and resolves with how it did.
  program.stop = async (signal = 'SIGTERM') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    return program.exited;
  };

  program.match = await program.printed(ready);
  return program;
}
