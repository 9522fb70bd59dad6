using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Xenlet.Domain;
using Xenlet.Drivers;
using Xenlet.Kernel;
using Xenlet.Sockets;
using NetworkInterface = System.Net.NetworkInformation.NetworkInterface;

namespace Xenlet.GuestImage;

/// <summary>
/// .NET's own sockets over a network interface: what comes to port 7, by UDP or TCP, goes back, until <c>xl shutdown</c>. The addresses are
/// on the command line.
/// </summary>
internal static class EchoCases
{
    private const int Port = 7;

    /// <summary>The same again by an interface that takes neither blank checksums nor frames of many segments.</summary>
    private static readonly NetworkOptions Plain = new() { TakesBlankChecksums = false, TakesLargeSegments = false };

    public static IEnumerable<Case> All => [new("echo", () => RunAsync(new())), new("echo-plain", () => RunAsync(Plain))];

    private static async Task RunAsync(NetworkOptions interfaces)
    {
        using CancellationTokenSource ending = new();
        using PosixSignalRegistration handler = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
        {
            signal.Cancel = true;
            ending.Cancel();
        });
        using SocketStack stack = Start();
        await using DomainServices services = await DomainServices.StartAsync(
            Guest.Machine, new() { Interfaces = interfaces with { LinkUser = stack } });
        using UdpClient datagrams = new(Port);
        using TcpListener listener = new(IPAddress.Any, Port);
        listener.Start();
        Task[] echoes = [EchoDatagramsAsync(datagrams, ending.Token), EchoStreamsAsync(listener, ending.Token)];
        long free = FreePages();
        Console.WriteLine("echo: ready");
        await LookUpAsync(ending.Token);
        await Task.WhenAll(echoes);
        Console.WriteLine($"echo: {stack.Faults} faults, {free - FreePages()} pages more in use");
    }

    /// <summary>
    /// Has TCP echoed while something else is done, which attaches the interfaces to the stack. The address in XENLET_ASKS is asked for
    /// datagrams.
    /// </summary>
    public static async Task RunBesideAsync(Func<SocketStack, Task> work)
    {
        using CancellationTokenSource ending = new();
        using SocketStack stack = Start();
        using TcpListener listener = new(IPAddress.Any, Port);
        listener.Start();
        Task[] echoes = [EchoStreamsAsync(listener, ending.Token), AskAsync(ending.Token)];
        await work(stack);
        await ending.CancelAsync();
        await Task.WhenAll(echoes);
    }

    private static SocketStack Start()
    {
        SocketStack stack = new(Guest.Sockets.Open(), new()
        {
            Addresses = AddressSettings.FromEnvironment(),
            Report = Console.Error.WriteLine,
        });
        stack.Start();
        return stack;
    }

    private static long FreePages()
    {
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        return (long)Guest.ReadStatistics().AvailablePages;
    }

    /// <summary>Looks a name up until somebody answers, if there is a server of DNS.</summary>
    private static async Task LookUpAsync(CancellationToken cancellationToken)
    {
        const string name = "a.test";
        while (Environment.GetEnvironmentVariable("XENLET_DNS") is not null && !cancellationToken.IsCancellationRequested)
        {
            try
            {
                IPAddress[] addresses = await Dns.GetHostAddressesAsync(name, cancellationToken);
                Console.WriteLine($"echo: {name} is {string.Join(' ', addresses.Select(each => each.ToString()).Order())}");
                NetworkInterface vif = NetworkInterface.GetAllNetworkInterfaces().Single(each => each.Name == "vif0");
                Console.WriteLine(
                    $"echo: {vif.Name} is {vif.OperationalStatus}, {vif.GetIPProperties().GetIPv4Properties().Mtu} bytes, "
                    + $"{vif.GetPhysicalAddress()}");
                return;
            }
            catch (SocketException)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100), CancellationToken.None);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    /// <summary>Sends datagrams to the address in XENLET_ASKS until one comes, and from then on only says what comes.</summary>
    private static async Task AskAsync(CancellationToken cancellationToken)
    {
        if (Environment.GetEnvironmentVariable("XENLET_ASKS") is not { } asked)
        {
            return;
        }

        using UdpClient datagrams = new(Port);
        IPEndPoint to = new(IPAddress.Parse(asked), Port);
        try
        {
            while (datagrams.Available == 0)
            {
                await SendIfUpAsync();
                await Task.Delay(TimeSpan.FromMilliseconds(100), cancellationToken);
            }

            for (string last = ""; ;)
            {
                string text = Encoding.ASCII.GetString((await datagrams.ReceiveAsync(cancellationToken)).Buffer).Trim();
                if (text != last)
                {
                    Console.WriteLine($"echo: a datagram says {last = text}");
                }
            }
        }
        catch (OperationCanceledException)
        {
        }

        async Task SendIfUpAsync()
        {
            try
            {
                await datagrams.SendAsync("?"u8.ToArray(), to, CancellationToken.None);
            }
            catch (SocketException)
            {
                // There is no interface yet.
            }
        }
    }

    public static async Task EchoDatagramsAsync(UdpClient datagrams, CancellationToken cancellationToken)
    {
        ulong switches = 0;
        ulong upcalls = 0;
        int count = 0;
        try
        {
            while (true)
            {
                UdpReceiveResult came = await datagrams.ReceiveAsync(cancellationToken);
                if (count++ == 0)
                {
                    GuestStatistics first = Guest.ReadStatistics();
                    (switches, upcalls) = (first.ThreadSwitches, first.Upcalls);
                }

                await datagrams.SendAsync(came.Buffer, came.RemoteEndPoint, cancellationToken);
            }
        }
        catch (OperationCanceledException)
        {
            GuestStatistics last = Guest.ReadStatistics();
            Console.WriteLine(
                $"echo: {count} datagrams, {last.ThreadSwitches - switches} thread switches, {last.Upcalls - upcalls} upcalls");
        }
    }

    public static async Task EchoStreamsAsync(TcpListener listener, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                _ = EchoStreamAsync(await listener.AcceptTcpClientAsync(cancellationToken));
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    public static async Task EchoStreamAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                await client.GetStream().CopyToAsync(client.GetStream());
            }
            catch (IOException failure) when (failure.InnerException is SocketException error)
            {
                Console.WriteLine($"echo: a connection has ended: {error.SocketErrorCode}");
            }
        }
    }
}
