using Xenlet.Kernel;
using Xenlet.XenBus;

namespace Xenlet.Drivers;

/// <summary>
/// A driver of front ends: it keeps the list of its devices, lets the program wait for one by name, and reports them. Its
/// <see cref="FrontEnd{TDevice}"/> implements the protocol.
/// </summary>
/// <typeparam name="TDevice">What the program sees of a device.</typeparam>
public abstract class FrontEndDriver<TDevice> : XenBusDriver, IReportSource, IAsyncDisposable
    where TDevice : class
{
    private readonly string _type;
    private readonly Lock _lock = new();

    // All attached devices, and those of them that the program may use.
    private readonly List<FrontEnd<TDevice>> _attached = [];
    private readonly List<FrontEnd<TDevice>> _offered = [];
    private IReadOnlyList<TDevice> _devices = [];
    private TaskCompletionSource _change = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Creates a driver; <see cref="DeviceBus.AddDriver"/> of the front bus takes it.</summary>
    /// <param name="type">The devices' type in the store, such as <c>vbd</c>.</param>
    /// <param name="channels">Provides event channels.</param>
    /// <param name="pages">Provides pages.</param>
    protected FrontEndDriver(string type, IEventChannels channels, ISharedPages pages)
    {
        ArgumentNullException.ThrowIfNull(channels);
        ArgumentNullException.ThrowIfNull(pages);
        _type = type;
        Channels = channels;
        Pages = pages;
    }

    /// <summary>True: a front end awaits. A driver whose code may block overrides this.</summary>
    public override bool NeverBlocks => true;

    /// <inheritdoc/>
    public abstract string ReportName { get; }

    /// <summary>Provides event channels.</summary>
    protected internal IEventChannels Channels { get; }

    /// <summary>Provides pages.</summary>
    protected internal ISharedPages Pages { get; }

    /// <summary>The offered devices, in the order in which they were offered.</summary>
    protected IReadOnlyList<TDevice> Offered => Volatile.Read(ref _devices);

    /// <summary>Waits until a device is offered and ready.</summary>
    /// <param name="name">Its name: <c>xvda</c> for a disk, <c>vif0</c> for a network interface.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    public async ValueTask<TDevice> WaitForAsync(string name, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            Task change;
            lock (_lock)
            {
                change = _change.Task;
                if (_offered.Find(frontEnd => frontEnd.IsReady && frontEnd.Name == name) is { } found)
                {
                    return found.Device;
                }
            }

            await EventLoop.OnLoop(change).WaitAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <summary>
    /// What the program sees of a device of the bus, offered or not; <see langword="null"/> if this driver is not attached to it.
    /// </summary>
    public TDevice? Find(XenDevice device)
    {
        lock (_lock)
        {
            return _attached.Find(frontEnd => frontEnd.XenDevice == device)?.Device;
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
        FrontEnd<TDevice> frontEnd = await CreateAsync(device, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        lock (_lock)
        {
            _attached.Add(frontEnd);
        }

        try
        {
            await frontEnd.StartAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch
        {
            await frontEnd.DetachAsync().ConfigureAwait(EventLoop.IsCurrent);
            throw;
        }

        return frontEnd;
    }

    /// <inheritdoc/>
    public void WriteReport(TextWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        foreach (FrontEnd<TDevice> frontEnd in ListAttached())
        {
            writer.WriteLine(frontEnd.DescribeForReport());
        }
    }

    /// <summary>Ends the remaining devices. The bus must be disposed of first, or have detached its devices.</summary>
    public virtual async ValueTask DisposeAsync()
    {
        // All at once: no device waits for another device's back end or store.
        await Task.WhenAll(ListAttached().Select(async frontEnd =>
        {
            await frontEnd.EndAsync("the driver has ended").ConfigureAwait(EventLoop.IsCurrent);
            Remove(frontEnd);
        })).ConfigureAwait(EventLoop.IsCurrent);

        GC.SuppressFinalize(this);
    }

    /// <summary>Creates the front end of a device. If it throws, it must first release all that it acquired.</summary>
    protected abstract ValueTask<FrontEnd<TDevice>> CreateAsync(XenDevice device, CancellationToken cancellationToken);

    internal void Offer(FrontEnd<TDevice> frontEnd)
    {
        lock (_lock)
        {
            if (frontEnd.IsPresent && !_offered.Contains(frontEnd))
            {
                _offered.Add(frontEnd);
                OnOfferedChanged();
            }
        }
    }

    internal void Withdraw(FrontEnd<TDevice> frontEnd)
    {
        lock (_lock)
        {
            if (_offered.Remove(frontEnd))
            {
                OnOfferedChanged();
            }
        }
    }

    internal void Remove(FrontEnd<TDevice> frontEnd)
    {
        lock (_lock)
        {
            _attached.Remove(frontEnd);
        }
    }

    /// <summary>Makes all waits for a device check again.</summary>
    internal void Wake()
    {
        lock (_lock)
        {
            // The waiters continue on another thread, not with this lock held.
            _change.SetResult();
            _change = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    private void OnOfferedChanged()
    {
        Volatile.Write(ref _devices, [.. _offered.Select(frontEnd => frontEnd.Device)]);
        Wake();
    }

    private FrontEnd<TDevice>[] ListAttached()
    {
        lock (_lock)
        {
            return [.. _attached];
        }
    }
}
