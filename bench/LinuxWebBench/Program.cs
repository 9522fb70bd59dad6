using System.Net;
using Xenlet.WebBench;

// Without arguments the measured end. Otherwise the client at dom0's end; each run writes lines "measured NAME.FIGURE VALUE".
//   NAME ADDRESS ask PATH SCHEME CONNECTIONS COUNT   requests, over so many connections at once
//   NAME ADDRESS handshakes COUNT                    connections of TLS, one after the other
//   NAME ADDRESS first DOMAIN                        from `xl unpause` of a domain to its first answer
switch (args)
{
    case []:
        await Service.RunAsync();
        return 0;
    case [var name, var address, .. var words]:
        await new Client(name, IPAddress.Parse(address)).RunAsync(words);
        return 0;
    default:
        return 2;
}
