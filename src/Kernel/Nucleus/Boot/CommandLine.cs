namespace Xenlet.Kernel.Nucleus.Boot;

/// <summary>Why a command line was rejected.</summary>
internal enum CommandLineError
{
    /// <summary>It was accepted.</summary>
    None,

    /// <summary>It is longer than <see cref="CommandLine.MaximumLength"/> bytes.</summary>
    TooLong,

    /// <summary>A quote is opened but not closed.</summary>
    UnterminatedQuote,

    /// <summary>It ends in a backslash that escapes nothing.</summary>
    UnterminatedEscape,

    /// <summary>It contains a zero byte.</summary>
    ZeroByte,

    /// <summary>It has more arguments than the caller has room for.</summary>
    TooManyArguments,

    /// <summary>It has more environment variables than the caller has room for.</summary>
    TooManyVariables,

    /// <summary>The strings do not fit in the caller's storage.</summary>
    StorageFull,
}

/// <summary>The result of <see cref="CommandLine.Parse"/>.</summary>
internal struct CommandLineResult
{
    /// <summary>The number of arguments written, if there was no error.</summary>
    public int ArgumentCount;

    /// <summary>The number of environment variables written, if there was no error.</summary>
    public int VariableCount;

    /// <summary>The number of bytes of storage used.</summary>
    public int StorageUsed;

    /// <summary>What is wrong, or <see cref="CommandLineError.None"/>.</summary>
    public CommandLineError Error;

    /// <summary>
    /// Where the error is, in bytes counted from 1: the opening quote, the escape, or the start of the first word too many.
    /// </summary>
    public int Column;
}

/// <summary>Splits the domain's command line (xl's <c>cmdline=</c>) into environment variables and arguments.</summary>
/// <remarks>
/// <para>Words are split at spaces, tabs and newlines, and quoted as in a POSIX shell: <c>'...'</c> keeps everything; within <c>"..."</c> a
/// backslash escapes <c>" \ $ `</c> and otherwise stands for itself; elsewhere it escapes any one character. Nothing is expanded, and
/// <c>#</c>, <c>;</c>, <c>|</c> are ordinary characters.</para>
/// <para>As in a shell command, leading words of the form NAME=VALUE are environment variables, up to the first other word. A lone
/// <c>--</c> also ends them and is dropped, so that an argument may have that form. The NAME and its <c>=</c> must not be quoted; likewise,
/// a quoted <c>--</c> is an argument.</para>
/// </remarks>
internal static unsafe class CommandLine
{
    /// <summary>The maximum length of a command line in bytes.</summary>
    public const int MaximumLength = 4096;

    /// <summary>The number of arguments that a caller should have room for.</summary>
    public const int MaximumArguments = 128;

    /// <summary>The number of environment variables that a caller should have room for.</summary>
    public const int MaximumVariables = 128;

    /// <summary>
    /// The storage that always suffices: every word but the last is followed by a byte that can become its terminating 0.
    /// </summary>
    public const int SufficientStorage = MaximumLength + 1;

    /// <summary>Parses a command line.</summary>
    /// <param name="text">The bytes, without a terminating 0.</param>
    /// <param name="length">Their number.</param>
    /// <param name="storage">Receives the strings, each with a terminating 0.</param>
    /// <param name="storageSize">Its capacity.</param>
    /// <param name="arguments">Receives a pointer into the storage for each argument.</param>
    /// <param name="maxArguments">Its capacity.</param>
    /// <param name="environment">Receives a pointer into the storage for each variable, <c>NAME=VALUE</c>.</param>
    /// <param name="maxEnvironment">Its capacity.</param>
    public static CommandLineResult Parse(
        byte* text,
        int length,
        byte* storage,
        int storageSize,
        byte** arguments,
        int maxArguments,
        byte** environment,
        int maxEnvironment)
    {
        CommandLineResult result = default;
        if (length > MaximumLength)
        {
            return Fail(ref result, CommandLineError.TooLong, MaximumLength);
        }

        bool inEnvironment = true;
        int position = 0;
        while (true)
        {
            while (position < length && IsBlank(text[position]))
            {
                position++;
            }

            if (position == length)
            {
                return result;
            }

            int start = position;
            if (inEnvironment && IsSeparator(text, start, length))
            {
                inEnvironment = false;
                position += 2;
                continue;
            }

            inEnvironment = inEnvironment && IsAssignment(text, start, length);
            int storedAt = result.StorageUsed;
            if (!ReadWord(text, length, ref position, storage, storageSize, ref result))
            {
                return result;
            }

            if (inEnvironment)
            {
                if (result.VariableCount == maxEnvironment)
                {
                    return Fail(ref result, CommandLineError.TooManyVariables, start);
                }

                environment[result.VariableCount++] = storage + storedAt;
            }
            else
            {
                if (result.ArgumentCount == maxArguments)
                {
                    return Fail(ref result, CommandLineError.TooManyArguments, start);
                }

                arguments[result.ArgumentCount++] = storage + storedAt;
            }
        }
    }

    /// <summary>The text that a panic or a log shows for an error. The column follows it.</summary>
    public static ReadOnlySpan<byte> Describe(CommandLineError error) => error switch
    {
        CommandLineError.None => "no error"u8,
        CommandLineError.TooLong => "cmdline: longer than 4096 bytes, at column "u8,
        CommandLineError.UnterminatedQuote => "cmdline: a quote is not closed, opened at column "u8,
        CommandLineError.UnterminatedEscape => "cmdline: nothing follows the backslash at column "u8,
        CommandLineError.ZeroByte => "cmdline: a zero byte at column "u8,
        CommandLineError.TooManyArguments => "cmdline: more than 128 arguments, at column "u8,
        CommandLineError.TooManyVariables => "cmdline: more than 128 environment variables, at column "u8,
        _ => "cmdline: the words do not fit in memory, at column "u8,
    };

    private static bool ReadWord(byte* text, int length, ref int position, byte* storage, int storageSize, ref CommandLineResult result)
    {
        int quotedAt = -1;
        byte quote = 0;
        while (position < length && (quote != 0 || !IsBlank(text[position])))
        {
            byte value = text[position];
            if (value == 0)
            {
                Fail(ref result, CommandLineError.ZeroByte, position);
                return false;
            }

            if (quote == 0 && value is (byte)'\'' or (byte)'"')
            {
                quote = value;
                quotedAt = position++;
                continue;
            }

            if (quote != 0 && value == quote)
            {
                quote = 0;
                position++;
                continue;
            }

            if (value == '\\' && quote != '\'')
            {
                if (position + 1 == length)
                {
                    Fail(
                        ref result,
                        quote == 0 ? CommandLineError.UnterminatedEscape : CommandLineError.UnterminatedQuote,
                        quote == 0 ? position : quotedAt);
                    return false;
                }

                byte next = text[position + 1];
                if (next != 0 && (quote == 0 || next is (byte)'"' or (byte)'\\' or (byte)'$' or (byte)'`'))
                {
                    value = next;
                    position++;
                }
            }

            if (!Store(storage, storageSize, value, position, ref result))
            {
                return false;
            }

            position++;
        }

        if (quote != 0)
        {
            Fail(ref result, CommandLineError.UnterminatedQuote, quotedAt);
            return false;
        }

        return Store(storage, storageSize, 0, position, ref result);
    }

    private static bool Store(byte* storage, int storageSize, byte value, int position, ref CommandLineResult result)
    {
        if (result.StorageUsed == storageSize)
        {
            Fail(ref result, CommandLineError.StorageFull, position);
            return false;
        }

        storage[result.StorageUsed++] = value;
        return true;
    }

    private static CommandLineResult Fail(ref CommandLineResult result, CommandLineError error, int position)
    {
        result.Error = error;
        result.Column = position + 1;
        result.ArgumentCount = 0;
        result.VariableCount = 0;
        return result;
    }

    private static bool IsSeparator(byte* text, int start, int length) =>
        length - start >= 2 && text[start] == '-' && text[start + 1] == '-' && (start + 2 == length || IsBlank(text[start + 2]));

    private static bool IsAssignment(byte* text, int start, int length)
    {
        int index = start;
        while (index < length && IsNameByte(text[index], index > start))
        {
            index++;
        }

        return index > start && index < length && text[index] == '=';
    }

    private static bool IsNameByte(byte value, bool digitsToo) =>
        value is (>= (byte)'A' and <= (byte)'Z') or (>= (byte)'a' and <= (byte)'z') or (byte)'_'
        || (digitsToo && value is >= (byte)'0' and <= (byte)'9');

    private static bool IsBlank(byte value) => value is (byte)' ' or (byte)'\t' or (byte)'\n';
}
