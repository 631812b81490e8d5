// Reads Power Query and writes what Microsoft's parser has against it: an empty list, or its message.
const fs = require("fs");
const { DefaultSettings, TaskUtils } = require("@microsoft/powerquery-parser");

TaskUtils.tryLexParse(DefaultSettings, fs.readFileSync(0, "utf8")).then((task) => {
  process.stdout.write(JSON.stringify(TaskUtils.isError(task) ? [task.error.message] : []));
});
