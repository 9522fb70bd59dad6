using Xenlet.Kernel;

namespace Xenlet.Domain;

/// <summary>What the tool stack needs of a domain whose program drives no devices: xenstore and control.</summary>
internal sealed class ControlServices : IAsyncDisposable
{
    private readonly DomainConnection _connection;
    private readonly DomainControl _control;
    private readonly IDisposable _programEnd;

    private ControlServices(IMachine machine, DomainConnection connection, DomainControlOptions options)
    {
        _connection = connection;
        _control = connection.CreateControl(machine, [], null, options);
        _programEnd = machine.Power.OnProgramEnd(_control.RefuseSuspends);
    }

    /// <inheritdoc cref="AutomaticServices.StartServices"/>
    public static async ValueTask<IAsyncDisposable> StartAsync(
        IMachine machine, IXenStoreLink link, EventLoop loop, DomainControlOptions options, CancellationToken cancellationToken)
    {
        DomainConnection connection = await DomainConnection.OpenAsync(link, null, loop, cancellationToken)
            .ConfigureAwait(EventLoop.IsCurrent);
        ControlServices services = new(machine, connection, options);
        try
        {
            await services._control.StartAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            return services;
        }
        catch
        {
            await services.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _control.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
        _programEnd.Dispose();
        await _connection.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
    }
}
