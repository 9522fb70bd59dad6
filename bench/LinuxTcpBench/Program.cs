using System.Globalization;
using System.Net;
using Xenlet.TcpBench;

// Without arguments the measured end. Otherwise the peer at dom0's end; each run writes lines "measured NAME.FIGURE VALUE".
//   send NAME ADDRESS MEGABYTES              bytes to the guest
//   receive NAME ADDRESS MEGABYTES           bytes from the guest
//   request NAME ADDRESS SIZE TASKS COUNT    requests that come back, over so many connections at once
//   connect NAME ADDRESS COUNT               connections one after the other, with one byte each way
//   idle NAME ADDRESS FEW MANY               connections that stay; the guest's free memory with a few and with many
//   flood NAME ADDRESS KIB                   so many KiB that are echoed alone, beside a flood of frames to nobody, and in a flood
switch (args)
{
    case []:
        await new Server().RunAsync();
        return 0;
    case ["flood", var name, var address, var kibibytes]:
        await new FloodPeer(name, IPAddress.Parse(address)).RunAsync(int.Parse(kibibytes, CultureInfo.InvariantCulture));
        return 0;
    case [var verb, var name, var address, .. var numbers]:
        await new Peer(name, IPAddress.Parse(address)).RunAsync(verb, numbers);
        return 0;
    default:
        return 2;
}
