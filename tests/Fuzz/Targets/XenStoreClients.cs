using System.Text;
using System.Threading.Tasks.Sources;
using Xenlet.XenStoreRing;

namespace Xenlet.Fuzz.Targets;

/// <summary>
/// A xenstored that answers anything to a client's requests: each ends once, with a result or a <see cref="XenStoreException"/>.
/// </summary>
internal static class XenStoreClients
{
    private const int MostRequests = 40;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private static readonly XenStoreClientOptions Options = new()
    {
        ResetWatches = false,
        RequestTimeLimit = Timeout.InfiniteTimeSpan,
        WatchCapacity = 4,
        MaxOutstanding = 8,
    };

    public static byte[][] Tokens { get; } =
    [
        .. new[] { "OK\0", "ENOENT\0", "EAGAIN\0", "E2BIG\0", "n0\0", "/w\0", "1\0a\0\0", "12\0name\0", "5\0" }
            .Select(Encoding.Latin1.GetBytes),
    ];

    public static void Run(byte[] input)
    {
        Script script = new(input);
        ScriptedTransport transport = new();
        XenStoreClient client = Wait(XenStoreClient.ConnectAsync(transport, Options).AsTask());
        List<Task> requests = [];
        List<XenStoreWatch> watches = [];
        using CancellationTokenSource cancellation = new();
        while (!script.AtEnd && requests.Count < MostRequests)
        {
            Step(script, client, transport, requests, watches, cancellation);
        }

        transport.End();
        Assert.True(((IAsyncResult)client.Closed).AsyncWaitHandle.WaitOne(Patience), "the connection has not ended");
        Assert.True(
            ((IAsyncResult)Task.WhenAll(requests)).AsyncWaitHandle.WaitOne(Patience),
            $"{requests.Count(request => !request.IsCompleted)} requests of {requests.Count} have not ended");
        Assert.All(requests, request => Assert.True(
            request.Exception is not { InnerException: not XenStoreException }, $"a request ended with {request.Exception}"));
        Wait(client.DisposeAsync().AsTask());
    }

    private static void Step(
        Script script,
        XenStoreClient client,
        ScriptedTransport transport,
        List<Task> requests,
        List<XenStoreWatch> watches,
        CancellationTokenSource cancellation)
    {
        const string Path = "/w";
        switch (script.Below(16))
        {
            case 0:
                requests.Add(client.TryReadAsync(Path, cancellation.Token).AsTask());
                break;
            case 1:
                requests.Add(client.DirectoryAsync(Path, cancellation.Token).AsTask());
                break;
            case 2:
                requests.Add(client.GetPermissionsAsync(Path).AsTask());
                break;
            case 3:
                requests.Add(client.WriteAsync(Path, "value").AsTask());
                break;
            case 4:
                requests.Add(client.ReadInt32Async(Path, cancellation.Token).AsTask());
                break;
            case 5:
                requests.Add(client.TransactAsync((transaction, token) => transaction.WriteAsync(Path, "value", token)).AsTask());
                break;
            case 6:
                requests.Add(WatchAsync(client, Path, watches));
                break;
            case 7:
                cancellation.Cancel();
                break;
            case 8 when Registered(watches) is { Length: > 0 } registered:
                XenStoreWatch watch = registered[script.Below(registered.Length)];
                ReadOnlySpan<byte> path = script.Bytes(script.Below(16));
                transport.Say(XenStoreMessageType.WatchEvent, 0, 0, [.. path, 0, .. Encoding.ASCII.GetBytes(watch.Token), 0]);
                if (watch.TryRead(out XenStoreWatchEvent happened))
                {
                    Assert.Null(XenStorePath.FindBrokenRule(happened.Path));
                }

                break;
            case 9:
                transport.SayBytes(script.Bytes(script.Below(64)).ToArray());
                break;
            case 10:
                transport.Say((XenStoreMessageType)script.UInt32(), script.UInt32(), script.UInt32(), script.Bytes(script.Below(64)));
                break;
            case 11 when transport.Requests.Count > 0:
                transport.Answer(script.Below(transport.Requests.Count), XenStoreMessageType.Error, script.Bytes(script.Below(16)));
                break;
            case 12 when transport.Requests.Count > 0:
                byte[] name = Encoding.ASCII.GetBytes(((XenStoreError)script.Byte()).ToString() + '\0');
                transport.Answer(script.Below(transport.Requests.Count), XenStoreMessageType.Error, name);
                break;
            default:
                if (transport.Requests.Count > 0)
                {
                    int index = script.Below(transport.Requests.Count);
                    XenStoreMessageType type = script.Below(8) == 7 ? (XenStoreMessageType)script.Byte() : transport.Requests[index].Type;
                    ReadOnlySpan<byte> body = script.Below(3) == 0 ? "OK\0"u8 : script.Bytes(script.Below(64));
                    transport.Answer(index, type, body);
                }

                break;
        }
    }

    private static XenStoreWatch[] Registered(List<XenStoreWatch> watches)
    {
        lock (watches)
        {
            return [.. watches];
        }
    }

    private static async Task WatchAsync(XenStoreClient client, string path, List<XenStoreWatch> watches)
    {
        XenStoreWatch watch = await client.WatchAsync(path);
        lock (watches)
        {
            watches.Add(watch);
        }
    }

    private static T Wait<T>(Task<T> task)
    {
        Wait((Task)task);
        return task.Result;
    }

    private static void Wait(Task task) => Assert.True(task.Wait(Patience), "the client does not come to an end");

    /// <summary>A stream whose other end the script plays. Its bytes are read before it continues.</summary>
    private sealed class ScriptedTransport : IXenStoreTransport, IValueTaskSource<int>
    {
        private readonly Queue<byte> _said = new();
        private readonly Lock _lock = new();
        private ManualResetValueTaskSourceCore<int> _read;
        private Memory<byte> _buffer;
        private bool _isReading;
        private bool _hasEnded;
        private CancellationTokenRegistration _cancellation;

        public bool OutlivesClient => false;

        public XenStoreServerFeatures ServerFeatures => XenStoreServerFeatures.None;

        /// <summary>Requests that were not answered.</summary>
        public List<XenStoreHeader> Requests { get; } = [];

        public ValueTask OpenAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;

        public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
        {
            lock (_lock)
            {
                if (_said.Count > 0 || _hasEnded)
                {
                    return new(Take(buffer));
                }

                _read.Reset();
                _buffer = buffer;
                _isReading = true;
                _cancellation = cancellationToken.UnsafeRegister(static transport => ((ScriptedTransport)transport!).End(), this);
                return new(this, _read.Version);
            }
        }

        public ValueTask WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
        {
            lock (_lock)
            {
                ReadOnlySpan<byte> rest = data.Span;
                while (!rest.IsEmpty)
                {
                    XenStoreHeader header = XenStoreHeader.Read(rest);
                    Requests.Add(header);
                    rest = rest[(XenStoreHeader.Size + (int)header.Length)..];
                }
            }

            return ValueTask.CompletedTask;
        }

        public XenStoreException? FindFault() => null;

        public string Describe() => "a script";

        public void Answer(int index, XenStoreMessageType type, ReadOnlySpan<byte> body)
        {
            XenStoreHeader request;
            lock (_lock)
            {
                request = Requests[index];
                Requests.RemoveAt(index);
            }

            Say(type, request.RequestId, request.TransactionId, body);
        }

        public void Say(XenStoreMessageType type, uint id, uint transaction, ReadOnlySpan<byte> body)
        {
            byte[] message = new byte[XenStoreHeader.Size + body.Length];
            new XenStoreHeader(type, id, transaction, (uint)body.Length).Write(message);
            body.CopyTo(message.AsSpan(XenStoreHeader.Size));
            SayBytes(message);
        }

        public void SayBytes(byte[] bytes)
        {
            lock (_lock)
            {
                foreach (byte value in bytes)
                {
                    _said.Enqueue(value);
                }
            }

            Complete();
        }

        public void End()
        {
            lock (_lock)
            {
                _hasEnded = true;
            }

            Complete();
        }

        public ValueTask DisposeAsync()
        {
            End();
            return ValueTask.CompletedTask;
        }

        public int GetResult(short token) => _read.GetResult(token);

        public ValueTaskSourceStatus GetStatus(short token) => _read.GetStatus(token);

        public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
            _read.OnCompleted(continuation, state, token, flags);

        /// <summary>Ends the read that waits; the client continues in this call.</summary>
        private void Complete()
        {
            int count;
            lock (_lock)
            {
                if (!_isReading || (_said.Count == 0 && !_hasEnded))
                {
                    return;
                }

                _isReading = false;
                count = Take(_buffer);
            }

            _cancellation.Dispose();
            _read.SetResult(count);
        }

        private int Take(Memory<byte> buffer)
        {
            int count = 0;
            while (count < buffer.Length && _said.TryDequeue(out byte value))
            {
                buffer.Span[count++] = value;
            }

            return count;
        }
    }
}
