// Sessions in memory, which is the default; the 200 goes out before the handling, unless SYNC is set.
module.exports = {
  session: { driver: 'memory', stores: { memory: { maxSize: 500 } } },
  channels: {
    messenger: {
      enabled: true,
      path: '/webhook',
      sync: process.env.SYNC === 'true',
      pageId: process.env.PAGE_ID,
      accessToken: process.env.TOKEN,
      appId: process.env.APP_ID,
      appSecret: process.env.SECRET,
      verifyToken: 'verify',
      origin: process.env.GRAPH_URL,
    },
  },
};
