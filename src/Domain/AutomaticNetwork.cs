using System.Diagnostics.CodeAnalysis;
using Xenlet.Kernel;
using Xenlet.Kernel.Sockets;
using Xenlet.Sockets;
using Xenlet.XenStoreRing;

namespace Xenlet.Domain;

/// <summary>
/// The network of a program that does not start one itself: a TCP/IP stack behind its sockets, configured by the domain's command line, and
/// under Xen the services that give the stack the domain's interfaces.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "It lasts as long as the program.")]
internal sealed class AutomaticNetwork
{
    private readonly ControlOutput _output = new(Console.OpenStandardError());
    private readonly SocketStack _stack;

    private AutomaticNetwork(ISockets sockets)
    {
        _stack = new(sockets.Open(), SocketStackOptions.FromEnvironment() with { Report = Report });
        _stack.Start();
    }

    /// <summary>
    /// Starts the stack, and returns when sockets can be bound: whoever connects waits for an address. The services start meanwhile.
    /// </summary>
    /// <param name="machine">The guest.</param>
    /// <param name="sockets">Its sockets.</param>
    public static void Start(IMachine machine, ISockets sockets)
    {
        AutomaticNetwork network = new(sockets);

        // Without Xen there are no interfaces; loopback addresses work.
        if (machine.Hypervisor.IsPresent)
        {
            DomainStore.Expect();
            AutomaticServices.Start(machine, network.StartServicesAsync);
        }
    }

    /// <inheritdoc cref="AutomaticServices.StartServices"/>
    private async ValueTask<IAsyncDisposable> StartServicesAsync(
        IMachine machine, IXenStoreLink link, EventLoop loop, DomainControlOptions options, CancellationToken cancellationToken)
    {
        DomainServicesOptions services = new() { Control = options, Interfaces = new() { LinkUser = _stack } };
        return await DomainServices.StartAsync(machine, link, loop, services, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
    }

    /// <summary>The stack's thread must not wait for a console that nobody reads.</summary>
    private void Report(string text) => _ = OwnThread.RunAsync(() => _output.Message(text));
}
