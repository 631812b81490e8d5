// Prints by what each language in each region separates decimals, as Unicode's CLDR has it.
const letters = [...'abcdefghijklmnopqrstuvwxyz'];
const pairs = letters.flatMap((first) => letters.map((second) => first + second));
const known = (locales) => Intl.NumberFormat.supportedLocalesOf(locales);
// Two letters alone: of three there are some whose data CLDR has barely begun.
const languages = known(pairs).filter((language) => language.length === 2);
const names = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' });
const regions = ['419', ...pairs.map((pair) => pair.toUpperCase())].filter((region) => names.of(region));
const decimal = (locale) => new Intl.NumberFormat(locale, { numberingSystem: 'latn' })
  .formatToParts(1.5).find((part) => part.type === 'decimal').value;
const locales = languages.flatMap((language) => [language, ...regions.map((region) => `${language}-${region}`)])
  .filter((locale) => Intl.getCanonicalLocales(locale)[0] === locale); // not those of countries that are no more
const decimals = Object.fromEntries(locales.map((locale) => [locale, decimal(locale)]));
console.log(JSON.stringify([process.versions.cldr, decimals]));
