using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Xenlet.Domain;
using Xenlet.Kernel;
using Xenlet.Sockets;

const int Port = 7;

// `xl shutdown` comes as SIGTERM, Ctrl-C on the console as SIGINT; the program ends in order then.
using CancellationTokenSource ending = new();
using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);

// The TCP/IP stack behind the sockets, and the interfaces that it uses. Other addresses are given on the domain's command line.
Dictionary<string, string> own = new() { ["XENLET_IP"] = "10.0.0.2/24,fd00::2/64" };
using SocketStack stack = new(Guest.Sockets.Open(), new()
{
    Addresses = Environment.GetEnvironmentVariable("XENLET_IP") is null ? AddressSettings.From(own) : AddressSettings.FromEnvironment(),
    Report = Console.Error.WriteLine,
});
stack.Start();
await using DomainServices services = await DomainServices.StartAsync(
    Guest.Machine, new() { Interfaces = new() { LinkUser = stack } });

// From here on it is a program as on Linux.
using UdpClient datagrams = new(Port);
using TcpListener listener = new(IPAddress.Any, Port);
Task echo = EchoDatagramsAsync(datagrams, ending.Token);
try
{
    listener.Start();
    Console.WriteLine($"Echo: TCP and UDP, port {Port}");
    while (true)
    {
        _ = EchoStreamAsync(await listener.AcceptTcpClientAsync(ending.Token));
    }
}
catch (OperationCanceledException)
{
    await echo;
    GuestStatistics statistics = Guest.ReadStatistics();
    Console.WriteLine($"Echo: {statistics.ThreadSwitches} thread switches, {statistics.Upcalls} upcalls");
}

void End(PosixSignalContext signal)
{
    signal.Cancel = true;
    ending.Cancel();
}

static async Task EchoDatagramsAsync(UdpClient datagrams, CancellationToken cancellationToken)
{
    try
    {
        while (true)
        {
            UdpReceiveResult came = await datagrams.ReceiveAsync(cancellationToken);
            await datagrams.SendAsync(came.Buffer, came.RemoteEndPoint, cancellationToken);
        }
    }
    catch (OperationCanceledException)
    {
    }
}

static async Task EchoStreamAsync(TcpClient client)
{
    using (client)
    {
        try
        {
            await client.GetStream().CopyToAsync(client.GetStream());
        }
        catch (IOException failure)
        {
            Console.Error.WriteLine($"Echo: {failure.Message}");
        }
    }
}
