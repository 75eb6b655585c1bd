// botkit's echo bot, as in its documentation. The adapter speaks https to Meta only; so its HTTP client is handed
// a version of itself that goes to GRAPH_URL instead, and keeps its connections.
const http = require(process.env.GRAPH_URL.startsWith('https:') ? 'https' : 'http');
const request = require('request');
const path = require.resolve('request');
const agent = new http.Agent({ keepAlive: true });
require.cache[path].exports = Object.assign(
  (options, done) =>
    request({ ...options, agent, uri: options.uri.replace(/^https:\/\/[^/]+/, process.env.GRAPH_URL) }, done),
  request,
);
const { Botkit } = require('botkit');
const { FacebookAdapter } = require('botbuilder-adapter-facebook');

const adapter = new FacebookAdapter({
  verify_token: 'verify',
  access_token: process.env.TOKEN,
  app_secret: process.env.SECRET,
  api_version: 'v26.0',
});
const controller = new Botkit({ webhook_uri: '/webhook', adapter });
controller.on('message', async (bot, message) => {
  await bot.reply(message, message.text);
});
