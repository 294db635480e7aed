// every says whether a test is repeated for every combination of things that do
// not depend on each other, such as the scheme and JavaScript. That takes long:
// LYCHGATE_TEST_COMBINATIONS=all. Otherwise each of them is there, but not each
// with each other.
export const every = process.env.LYCHGATE_TEST_COMBINATIONS === 'all';
