import 'https://module-file.tracker.test/t.mjs';
