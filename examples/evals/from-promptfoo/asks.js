// A reply that needs more from the customer ends with a question.
module.exports = (output) => ({
  pass: output.trim().endsWith('?'),
  score: output.includes('?') ? 1 : 0,
  reason: 'asks for what is missing',
});
