// The language of the page: chosen before, else the first of the browser's that the studio speaks. Gradio draws the page from its
// configuration after this ran, so what reads differently is put in there.
window.LokiLanguage = ({ words, parts }) => {
  const KEPT = "loki-language";
  const known = (language) => language && words[language];
  const wanted = navigator.languages.map((language) => language.split("-")[0]).find(known);
  const language = [localStorage.getItem(KEPT), wanted].find(known) ?? "en";
  const components = new Map(window.gradio_config.components.map((component) => [component.id, component]));
  for (const [id, properties] of Object.entries(parts[language] ?? {})) Object.assign(components.get(Number(id)).props, properties);
  document.documentElement.lang = language;
  return { language, words: words[language], keep: (chosen) => localStorage.setItem(KEPT, chosen) };
};
