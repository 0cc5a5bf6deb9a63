// Made up: what people write beside a configuration of promptfoo.
const three = (output) => output.split(' ').length >= 3;

module.exports = (output, context) => ({
  pass: three(output) && context.vars.reply === output,
  score: three(output) ? 1 : 0,
  reason: 'three words',
});

module.exports.short = (output) => output.length < 20;
