using System.Text;

namespace Xenlet.QemuXen.Base;

/// <summary>Reads a growing file line by line. It need not exist yet.</summary>
internal sealed class FollowedFile : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private readonly string _path;
    private readonly IProgress<string> _lines;
    private readonly CancellationTokenSource _finished = new();
    private readonly Task _work;

    /// <summary>Starts to read.</summary>
    /// <param name="path">The file.</param>
    /// <param name="lines">Receives each line once it is complete, and at the end an unfinished last line.</param>
    public FollowedFile(string path, IProgress<string> lines)
    {
        _path = path;
        _lines = lines;
        _work = Task.Run(FollowAsync);
    }

    /// <summary>Reads what there is now and ends. The file must not grow any more.</summary>
    public async Task FinishAsync()
    {
        await _finished.CancelAsync();
        await _work;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await FinishAsync();
        _finished.Dispose();
    }

    private async Task FollowAsync()
    {
        byte[] buffer = new byte[16 * 1024];
        char[] characters = new char[buffer.Length];
        Decoder decoder = Encoding.UTF8.GetDecoder();
        StringBuilder line = new();
        long position = 0;
        while (true)
        {
            // Checked before the last read, which therefore misses nothing.
            bool last = _finished.IsCancellationRequested;
            int count;
            while ((count = ReadFrom(position, buffer)) > 0)
            {
                position += count;
                Take(line, characters.AsSpan(0, decoder.GetChars(buffer.AsSpan(0, count), characters, flush: false)));
            }

            if (last)
            {
                break;
            }

            await Task.Delay(Interval, _finished.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (line.Length > 0)
        {
            _lines.Report(line.ToString());
        }
    }

    private int ReadFrom(long position, byte[] buffer)
    {
        if (!File.Exists(_path))
        {
            return 0;
        }

        using FileStream file = new(_path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        file.Position = position;
        return file.Read(buffer);
    }

    private void Take(StringBuilder line, ReadOnlySpan<char> text)
    {
        int end;
        while ((end = text.IndexOf('\n')) >= 0)
        {
            _lines.Report(line.Append(text[..end]).ToString());
            line.Clear();
            text = text[(end + 1)..];
        }

        line.Append(text);
    }
}
