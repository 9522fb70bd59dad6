using Xenlet.TcpBench;

// The guest has its network because this program uses sockets, and its address from the domain's command line.
await new Server().RunAsync();
