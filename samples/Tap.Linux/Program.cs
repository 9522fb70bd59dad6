using System.Globalization;
using System.Net;
using Xenlet.Net;

namespace Xenlet.Samples;

/// <summary>
/// Answers pings on a TAP device of Linux, and echoes what UDP brings to port 7: <c>Tap.Linux tap0 10.0.0.2/24</c>. Linux's end is given an
/// address meanwhile: <c>ip addr add 10.0.0.1/24 dev tap0; ip link set tap0 up; ping 10.0.0.2</c>.
/// </summary>
internal static class Program
{
    public static int Main(string[] args)
    {
        if (args.Length < 2)
        {
            Console.Error.WriteLine("usage: Tap.Linux DEVICE ADDRESS/PREFIX...");
            return 2;
        }

        using CancellationTokenSource ended = new();
        Console.CancelKeyPress += (_, happened) =>
        {
            happened.Cancel = true;
            ended.Cancel();
        };
        using TapStack tap = new(args[0]);
        foreach (string text in args[1..])
        {
            string[] parts = text.Split('/');
            InternetAddress address = InternetAddress.From(IPAddress.Parse(parts[0]));
            tap.Stack.AddAddress(tap.Interface, address, int.Parse(parts[1], CultureInfo.InvariantCulture));
        }

        _ = new UdpEcho(tap.Stack);
        tap.Run(ended.Token);
        return 0;
    }
}
