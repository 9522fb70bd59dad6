using System.Runtime.CompilerServices;
using System.Text;

namespace Xenlet.QemuXen;

/// <summary>What a guest wrote to its console, byte for byte from the first one, live and as a whole. Thread-safe.</summary>
public sealed class GuestConsole
{
    private readonly Lock _lock = new();
    private byte[] _bytes = new byte[4096];
    private int _length;
    private TaskCompletionSource _changed = NewSignal();
    private bool _isComplete;

    /// <summary>Number of bytes so far.</summary>
    public int Length
    {
        get
        {
            lock (_lock)
            {
                return _length;
            }
        }
    }

    /// <summary>True once no more output can arrive.</summary>
    public bool IsComplete
    {
        get
        {
            lock (_lock)
            {
                return _isComplete;
            }
        }
    }

    /// <summary>When the first byte arrived, as a <see cref="System.Diagnostics.Stopwatch.GetTimestamp"/>; 0 before.</summary>
    public long FirstByteTimestamp { get; private set; }

    /// <summary>Everything so far as UTF-8 text, including carriage returns.</summary>
    public string Text => Encoding.UTF8.GetString(ToArray());

    /// <summary>A copy of everything so far.</summary>
    public byte[] ToArray()
    {
        lock (_lock)
        {
            return _bytes[.._length];
        }
    }

    /// <summary>Returns everything from the first byte on, piece by piece as it arrives, until the console is complete.</summary>
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        int position = 0;
        while (true)
        {
            byte[] piece;
            Task changed;
            bool complete;
            lock (_lock)
            {
                piece = _bytes[position.._length];
                changed = _changed.Task;
                complete = _isComplete;
            }

            if (piece.Length > 0)
            {
                position += piece.Length;
                yield return piece;
            }
            else if (complete)
            {
                yield break;
            }
            else
            {
                await changed.WaitAsync(cancellationToken);
            }
        }
    }

    /// <summary>The last lines, for a message about a failure.</summary>
    public string Tail(int lines) =>
        string.Join('\n', Text.Replace("\r", "", StringComparison.Ordinal).TrimEnd('\n').Split('\n').TakeLast(lines));

    /// <summary>Waits until the text occurs at or after a position, and returns the position after it, for the next wait.</summary>
    /// <returns>The byte position after the text, or -1 if the console became complete without it.</returns>
    internal async Task<int> FindAsync(string text, int from, CancellationToken cancellationToken)
    {
        byte[] wanted = Encoding.UTF8.GetBytes(text);
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                int found = _bytes.AsSpan(from, _length - from).IndexOf(wanted);
                if (found >= 0)
                {
                    return from + found + wanted.Length;
                }

                if (_isComplete)
                {
                    return -1;
                }

                changed = _changed.Task;
            }

            await changed.WaitAsync(cancellationToken);
        }
    }

    internal void Append(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return;
        }

        TaskCompletionSource signal;
        lock (_lock)
        {
            if (_length == 0)
            {
                FirstByteTimestamp = System.Diagnostics.Stopwatch.GetTimestamp();
            }

            if (_bytes.Length - _length < bytes.Length)
            {
                Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + bytes.Length));
            }

            bytes.CopyTo(_bytes.AsSpan(_length));
            _length += bytes.Length;
            signal = _changed;
            _changed = NewSignal();
        }

        signal.SetResult();
    }

    internal void Complete()
    {
        TaskCompletionSource signal;
        lock (_lock)
        {
            _isComplete = true;
            signal = _changed;
            _changed = NewSignal();
        }

        signal.SetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
