using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

const int Port = 7;

// Whoever ends the program, by SIGTERM or by Ctrl-C, has it end in order.
using CancellationTokenSource ending = new();
using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);

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
    Console.WriteLine("Echo: ended");
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
