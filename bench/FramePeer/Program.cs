using System.Globalization;
using Xenlet.FramePeer;
using Xenlet.NetworkBench;
using Xenlet.NetworkPeer;

// Each writes lines "measured NAME.FIGURE VALUE".
//   send NAME INTERFACE OUR-MAC GUEST-MAC RUN SIZE COUNT   frames to the guest, which counts them
//   receive NAME INTERFACE OUR-MAC GUEST-MAC RUN COUNT     counts the frames that the guest sends
//   ping NAME ADDRESS SIZE COUNT                           one ping after the other, with a pause behind each
switch (args)
{
    case ["send", _, var name, var ours, var theirs, var run, var size, var count]:
        using (RawSocket socket = new(name, BenchFrame.EtherType))
        using (FrameBatch batch = new())
        {
            Run(socket, batch, ours, theirs, run).Send(Number(size), Number(count));
        }

        return 0;
    case ["receive", var what, var name, var ours, var theirs, var run, var count]:
        using (RawSocket socket = new(name, BenchFrame.EtherType))
        using (FrameBatch batch = new())
        {
            Arrivals arrivals = Run(socket, batch, ours, theirs, run).Receive(Number(count));
            Report(what, "arrived", arrivals.Count);
            Report(what, "frame", arrivals.Time.TotalNanoseconds / arrivals.Count);
        }

        return 0;
    case ["ping", var what, var address, var size, var count]:
        double[] times = [.. Pinger.Run(address, Number(size), Number(count)).Order()];
        Report(what, "median", times[times.Length / 2]);
        Report(what, "slow", times[times.Length * 95 / 100]);
        Report(what, "answered", times.Length);
        return 0;
    default:
        return 2;
}

static Run Run(RawSocket socket, FrameBatch batch, string ours, string theirs, string run) =>
    new(socket, batch, BenchFrame.ParseAddress(ours), BenchFrame.ParseAddress(theirs), Number(run));

static int Number(string word) => int.Parse(word, NumberStyles.None, CultureInfo.InvariantCulture);

static void Report(string name, string what, double value) =>
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"measured {name}.{what} {value:F3}"));
