using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Xenlet.Drivers;
using Xenlet.Kernel;
using Xenlet.Kernel.Sockets;
using Xenlet.Net;
using Xenlet.Net.Base;
using Xenlet.Sockets.Files;
using Xenlet.Sockets.Interfaces;

namespace Xenlet.Sockets;

/// <summary>
/// The TCP/IP stack behind the program's sockets, with a thread of its own: it waits for the sockets' requests, for events of the network
/// interfaces and for its next timer, and drives the interfaces' rings itself. It needs neither .NET's thread pool nor the program's good
/// manners.
/// </summary>
/// <remarks>
/// <para>
/// An exception in the stack ends the connection it served (ECONNRESET) or loses a frame, and is counted. An interface that meets one after
/// the other is started anew. If what is common to all meets them and they do not cease, the stack ends, and sockets answer ENETDOWN.
/// <see cref="OutOfMemoryException"/> is none of these: neither interface nor stack can mend it, and both go on when there is memory.
/// </para>
/// <para>
/// Interfaces come from the network driver (<see cref="NetworkOptions.LinkUser"/>) or by <see cref="AddLink"/>.
/// </para>
/// </remarks>
[SuppressMessage("Naming", "CA1711", Justification = "A TCP/IP stack is no collection of last in, first out.")]
public sealed class SocketStack : INetworkLinkUser, IReportSource, IDisposable
{
    private const int BatchSize = 64;

    /// <summary>So many turns in a row with an exception end the stack: whatever it is does not pass.</summary>
    private const int MostFaultyTurns = 100;

    /// <summary>So many exceptions are reported; later ones only as their number doubles.</summary>
    private const int MostReports = 16;

    private static readonly TimeSpan s_addressLimit = TimeSpan.FromSeconds(10);

    /// <summary>Where memory is used up, others have to run before there is some again.</summary>
    private static readonly TimeSpan s_shortageRest = TimeSpan.FromMilliseconds(10);

    private readonly ISocketHost _host;
    private readonly SocketStackOptions _options;
    private readonly IpStack _stack;
    private readonly SocketTable _sockets;
    private readonly NetlinkSockets _netlink;
    private readonly StackInterfaces _interfaces;
    private readonly SocketRequest[] _requests = new SocketRequest[BatchSize];
    private readonly Delivery _delivery;
    private readonly Thread _thread;
    private int _threadId;
    private int _faultyTurns;
    private ReportRequest? _wantedReport;
    private long _faults;
    private bool _isFaulty;
    private bool _isShortOfMemory;
    private Exception? _lastFault;
    private bool _isWoken;
    private volatile bool _isEnding;

    /// <summary>Makes the stack of all sockets. They wait for it from now on, and are served when <see cref="Start"/> was called.</summary>
    /// <param name="host">The kernel's sockets, which the stack disposes of when it ends.</param>
    /// <param name="options">How it is run.</param>
    public SocketStack(ISocketHost host, SocketStackOptions? options = null)
        : this(host, options, new StackClock())
    {
    }

    internal SocketStack(ISocketHost host, SocketStackOptions? options, IStackClock clock)
    {
        ArgumentNullException.ThrowIfNull(host);
        _host = host;
        _options = options ?? new();
        IpStackOptions stack = _options.Stack;
        stack = stack with { AcceptsSourceRoutes = stack.AcceptsSourceRoutes || Read(() => _options.Addresses.AcceptsSourceRoutes, false) };
        _stack = new IpStack(clock, new SystemRandom(), stack);
        _stack.Faulted = OnFault;
        _netlink = new NetlinkSockets(new NetlinkService(new NetlinkTables(_stack, IsRunning)));
        _stack.Changed += _netlink.OnChanged;
        _interfaces = new StackInterfaces(_stack, _options, Report, _netlink.OnChanged);
        TimeSpan addressLimit = _options.AddressLimit ?? Read(() => _options.Addresses.AddressLimit, null) ?? s_addressLimit;
        ResolverSettings resolver = new(
            Read(() => _options.Addresses.NameServers, []), Read(() => _options.Addresses.SearchDomains, []), addressLimit);
        StackFiles files = new(host, _stack, resolver, IsRunning, () => _sockets!.Views);
        QueryService queries = new(host, files, new InterfaceQuestions(_stack, IsRunning));
        _sockets = new SocketTable(host, _stack, queries, _netlink, Report, addressLimit);
        _delivery = new Delivery(_sockets, _options.Report);
        _thread = new Thread(Run) { IsBackground = true, Name = "TCP/IP" };
    }

    /// <summary>Exceptions that the stack has survived.</summary>
    public long Faults => Volatile.Read(ref _faults);

    /// <summary>Whether the thread has ended, so that all sockets answer ENETDOWN.</summary>
    public bool HasEnded => _thread.ThreadState == ThreadState.Stopped;

    /// <summary>Starts the thread, which does not keep the program from ending.</summary>
    public void Start() => _thread.Start();

    /// <summary>Adds an interface over any link. The stack's thread alone uses the link from now on.</summary>
    /// <param name="name">The interface's name.</param>
    /// <param name="link">The link.</param>
    /// <param name="addresses">
    /// Its addresses of the families of which <see cref="SocketStackOptions.Addresses"/> have none. A <see cref="NetworkLink"/> brings its
    /// own.
    /// </param>
    public void AddLink(string name, ILink link, IReadOnlyList<AddressAssignment>? addresses = null)
    {
        _interfaces.Add(name, link, addresses ?? []);
        _host.Wake();
    }

    /// <summary>Has the stack look at its links.</summary>
    public void Wake()
    {
        // The thread wakes itself when a connection ends below its own call; it looks again before it waits.
        if (Environment.CurrentManagedThreadId == Volatile.Read(ref _threadId))
        {
            _isWoken = true;
        }
        else
        {
            _host.Wake();
        }
    }

    /// <inheritdoc/>
    /// <remarks>
    /// When the program ends, its sockets close as on Linux: what <c>send</c> has accepted is delivered, with the end (FIN), or, where data
    /// was not read, the connection is reset. Connections that are open afterwards are reset.
    /// </remarks>
    public Task FinishAsync(bool isProgramEnding, TimeSpan limit)
    {
        if (_thread.ThreadState == ThreadState.Unstarted)
        {
            return Task.CompletedTask;
        }

        Task done = _delivery.OrderAsync(isProgramEnding, limit);
        _host.Wake();
        return done;
    }

    /// <summary>Ends the thread. Sockets answer ENETDOWN from then on.</summary>
    public void Dispose()
    {
        _isEnding = true;
        _host.Wake();
        if (_thread.ThreadState != ThreadState.Unstarted)
        {
            _thread.Join();
        }
    }

    string IReportSource.ReportName => "network";

    char IReportSource.ReportLetter => 'n';

    /// <summary>Has the stack's thread describe the stack, which no other may look at.</summary>
    void IReportSource.WriteReport(TextWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        if (_isEnding || HasEnded)
        {
            writer.WriteLine("TCP/IP has ended: sockets answer ENETDOWN");
            return;
        }

        ReportRequest wanted = new();
        Volatile.Write(ref _wantedReport, wanted);
        _host.Wake();
        writer.Write(wanted.Wait() ?? "the thread of TCP/IP does not answer\n");
    }

    bool INetworkLinkUser.TryTake(NetworkLink link)
    {
        ArgumentNullException.ThrowIfNull(link);
        if (_isEnding || HasEnded)
        {
            return false;
        }

        AddLink(link.Name, link);
        return true;
    }

    void INetworkLinkUser.Wake(NetworkLink link) => Wake();

    void INetworkLinkUser.Watch(IEventChannel channel) => _host.Watch(channel);

    /// <summary>What a setting says, or, with a report, what counts without it if it is malformed.</summary>
    private T Read<T>(Func<T> setting, T otherwise)
    {
        try
        {
            return setting();
        }
        catch (FormatException error)
        {
            _options.Report?.Invoke(error.Message);
            return otherwise;
        }
    }

    private void Run()
    {
        Volatile.Write(ref _threadId, Environment.CurrentManagedThreadId);
        try
        {
            long deadline = 0;
            while (!_isEnding)
            {
                int count = _host.Wait(_requests, deadline);
                deadline = TurnOrRest(count) ? 0 : StackClock.ToTimestamp(_stack.NextDue);
            }
        }
        catch (Exception error)
        {
            Say("TCP/IP has ended", error);
        }
        finally
        {
            _delivery.End();
            _host.Dispose();
        }
    }

    /// <summary>A turn, and a rest if memory was short in it; whether there may be more to do.</summary>
    private bool TurnOrRest(int requests)
    {
        bool hasMore = true;
        try
        {
            hasMore = Turn(requests);
        }
        catch (OutOfMemoryException error)
        {
            Report(error);
        }

        if (_isShortOfMemory)
        {
            _isShortOfMemory = false;
            hasMore = true;
            Thread.Sleep(s_shortageRest);
        }

        return hasMore;
    }

    /// <summary>Does what there is to do; whether there may be more.</summary>
    private bool Turn(int requests)
    {
        _isWoken = false;
        _isFaulty = false;
        bool isBeginningOfEnd = _delivery.TryBegin();

        // What has arrived first: after a pause, an answer that is there is not taken for lost, and a socket's write that it makes room for
        // need not wait.
        bool hasMore = requests == BatchSize || isBeginningOfEnd;
        try
        {
            hasMore |= _interfaces.Follow();
        }
        catch (Exception error)
        {
            OnFault(new StackFault(error, null, IsOfConnection: false));
        }

        hasMore |= RunStack();

        for (int i = 0; i < requests; i++)
        {
            _stack.Clock.HoldInSeries(i);
            _sockets.Serve(in _requests[i]);
        }

        _stack.Clock.Release();
        if (!_stack.Internet.Loopback.IsEmpty)
        {
            // What sockets have just sent to each other: a wait that returns at once would only cost a system call.
            hasMore |= RunStack();
        }

        try
        {
            if (!isBeginningOfEnd && requests < BatchSize)
            {
                _delivery.Check();
            }
        }
        catch (Exception error)
        {
            OnFault(new StackFault(error, null, IsOfConnection: false));
        }

        hasMore |= _interfaces.Flush(mayRest: !hasMore);
        if (Volatile.Read(ref _wantedReport) is not null)
        {
            AnswerReport();
        }

        _faultyTurns = _isFaulty ? _faultyTurns + 1 : 0;
        if (_faultyTurns == MostFaultyTurns)
        {
            throw new InvalidOperationException($"{MostFaultyTurns} turns in a row have met an exception", _lastFault);
        }

        return hasMore || _isWoken || _isFaulty;
    }

    private bool RunStack()
    {
        try
        {
            return _stack.Run();
        }
        catch (Exception error)
        {
            OnFault(new StackFault(error, null, IsOfConnection: false));
            return false;
        }
    }

    /// <summary>Whether an interface's device can send.</summary>
    private bool IsRunning(IpInterface which) => _interfaces.IsRunning(which);

    private void OnFault(StackFault fault)
    {
        Report(fault.Error);
        if (fault.Interface is { } served)
        {
            _interfaces.OnFault(served, fault.Error);
        }
        else if (fault.Error is not OutOfMemoryException)
        {
            _isFaulty |= !fault.IsOfConnection;
            _lastFault = fault.Error;
        }

        if (!fault.IsOfConnection)
        {
            _interfaces.Doubt();
        }
    }

    private void Report(Exception error)
    {
        _isShortOfMemory |= error is OutOfMemoryException;
        long count = Interlocked.Increment(ref _faults);
        if (count <= MostReports || long.IsPow2(count))
        {
            Say("an exception in TCP/IP, the {0}. one", error, count);
        }
    }

    /// <summary>Reports, unless that fails, perhaps for want of memory: the stack goes on.</summary>
    private void Say(string what, Exception error, long count = 0)
    {
        try
        {
            _options.Report?.Invoke($"{string.Format(CultureInfo.InvariantCulture, what, count)}: {error}");
        }
        catch (Exception)
        {
            // Whoever hears of it has failed, and there is nobody else to tell.
        }
    }

    private void AnswerReport()
    {
        string text;
        try
        {
            using StringWriter writer = new(CultureInfo.InvariantCulture) { NewLine = "\n" };
            StackReport.Write(_stack, _sockets.Views, Faults, writer);
            text = writer.ToString();
        }
        catch (Exception error)
        {
            text = $"(failed: {error.Message})\n";
        }

        Interlocked.Exchange(ref _wantedReport, null)?.Answer(text);
    }
}
