using Xenlet.Drivers;
using Xenlet.Kernel;
using Xenlet.XenBus;

namespace Xenlet.BackEnds;

/// <summary>
/// A driver of back ends: it keeps the list of its devices, and reports them. Its <see cref="BackEnd"/> implements the protocol.
/// </summary>
public abstract class BackEndDriver : XenBusDriver, IReportSource, IAsyncDisposable
{
    private readonly string _type;
    private readonly Lock _lock = new();
    private readonly List<BackEnd> _attached = [];

    /// <summary>Creates a driver; <see cref="DeviceBus.AddDriver"/> of the back bus takes it.</summary>
    /// <param name="type">The devices' type in the store, such as <c>vbd</c>.</param>
    /// <param name="channels">Binds to the front ends' event channels.</param>
    /// <param name="foreign">Reaches the front ends' pages.</param>
    /// <param name="limits">What each front end can have.</param>
    protected BackEndDriver(string type, IEventChannels channels, IForeignPages foreign, BackEndLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(channels);
        ArgumentNullException.ThrowIfNull(foreign);
        _type = type;
        Channels = channels;
        ForeignPages = foreign;
        Limits = limits ?? new();
        DataPages = new(Limits.DataPages);
    }

    /// <summary>True: a back end awaits. A driver whose code may block overrides this.</summary>
    public override bool NeverBlocks => true;

    /// <inheritdoc/>
    public abstract string ReportName { get; }

    /// <summary>Binds to the front ends' event channels.</summary>
    protected internal IEventChannels Channels { get; }

    /// <summary>Reaches the front ends' pages.</summary>
    protected internal IForeignPages ForeignPages { get; }

    /// <summary>What each front end can have.</summary>
    protected internal BackEndLimits Limits { get; }

    /// <summary>The pages with data of all front ends.</summary>
    protected internal DataPages DataPages { get; }

    /// <summary>The attached back ends.</summary>
    protected IReadOnlyList<BackEnd> Attached
    {
        get
        {
            lock (_lock)
            {
                return [.. _attached];
            }
        }
    }

    /// <inheritdoc/>
    public override int? Probe(XenDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        return device.Type == _type ? ProbePriority.Default : null;
    }

    /// <inheritdoc/>
    public sealed override async ValueTask<DeviceSession> AttachAsync(XenDevice device, CancellationToken cancellationToken)
    {
        BackEnd backEnd = Create(device);
        lock (_lock)
        {
            _attached.Add(backEnd);
        }

        try
        {
            await backEnd.StartAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch
        {
            await backEnd.DetachAsync().ConfigureAwait(EventLoop.IsCurrent);
            throw;
        }

        return backEnd;
    }

    /// <inheritdoc/>
    public void WriteReport(TextWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        foreach (BackEnd backEnd in Attached)
        {
            writer.WriteLine(backEnd.Describe());
        }
    }

    /// <summary>Ends the remaining devices, all at once. The bus must be disposed of first, or have detached its devices.</summary>
    public virtual async ValueTask DisposeAsync()
    {
        await Task.WhenAll(Attached.Select(backEnd => backEnd.DetachAsync().AsTask())).ConfigureAwait(EventLoop.IsCurrent);
        GC.SuppressFinalize(this);
    }

    /// <summary>Creates the back end of a device. It acquires nothing yet.</summary>
    protected abstract BackEnd Create(XenDevice device);

    internal void Remove(BackEnd backEnd)
    {
        lock (_lock)
        {
            _attached.Remove(backEnd);
        }
    }
}
