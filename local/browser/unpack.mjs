// Unpacks the browser, the libraries that a plain Linux lacks, and its fonts into node_modules/.chromium.
import { execFileSync } from 'node:child_process'
import { chmodSync, createReadStream, createWriteStream, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { createBrotliDecompress } from 'node:zlib'

const modules = join(dirname(fileURLToPath(import.meta.url)), 'node_modules')
const packed = join(modules, '@sparticuz', 'chromium', 'bin')
const target = join(modules, '.chromium')

async function unpacked (name) {
  const file = join(target, name.replace(/\.br$/, ''))
  await pipeline(createReadStream(join(packed, name)), createBrotliDecompress(), createWriteStream(file))
  return file
}

mkdirSync(target, { recursive: true })
chmodSync(await unpacked('chromium.br'), 0o755)
for (const name of ['al2023.tar.br', 'fonts.tar.br']) {
  execFileSync('tar', ['-xf', await unpacked(name), '-C', target])
}
// The packed one names folders of another machine.
const fonts = `<fontconfig><dir>${join(target, 'fonts')}</dir><cachedir>${join(target, 'cache')}</cachedir></fontconfig>`
writeFileSync(join(target, 'fonts.conf'), `<?xml version="1.0"?>\n${fonts}\n`)
