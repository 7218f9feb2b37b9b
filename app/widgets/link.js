// Learns which session is this page's.
window.loki.offer(server, upload);
watch("value", () => window.loki.begin(props.value));
