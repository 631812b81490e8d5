// Reads {"tables": {name: schema}, "query": text} and writes what Microsoft's Kusto parser has against the query.
const fs = require("fs");

globalThis.window = globalThis;
const folder = "./node_modules/@kusto/language-service-next";
require(`${folder}/bridge.min.js`);
require(`${folder}/Kusto.Language.Bridge.min.js`);

const { tables, query } = JSON.parse(fs.readFileSync(0, "utf8"));
const { TableSymbol, DatabaseSymbol } = Kusto.Language.Symbols;
const symbols = Object.entries(tables).map(([name, schema]) => TableSymbol.From(schema).WithName(name));
const database = new DatabaseSymbol.$ctor3("workspace", null, symbols, false);
const globals = Kusto.Language.GlobalState.Default.WithDatabase(database);
const found = Kusto.Language.KustoCode.ParseAndAnalyze(query, globals).GetDiagnostics();
const problems = [];
for (let i = 0; i < found.Count; i++) problems.push(found.getItem(i).Message);
process.stdout.write(JSON.stringify(problems));
