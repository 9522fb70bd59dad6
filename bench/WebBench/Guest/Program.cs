using Xenlet.WebBench;

// The guest has its network because this program uses sockets, and its address from the domain's command line.
await Service.RunAsync();
