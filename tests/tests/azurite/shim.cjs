// Ends with whoever started it, and tells a time that is CLOCK_MINUTES away from the machine's.
process.stdin.on("close", () => process.exit()).resume();

const away = Number(process.env.CLOCK_MINUTES) * 60_000;
const Machine = Date;
globalThis.Date = class Date extends Machine {
  constructor(...given) {
    super(...(given.length ? given : [Machine.now() + away]));
  }
  static now() {
    return Machine.now() + away;
  }
};
