using CsCheck;
using static Xenlet.Kernel.Nucleus.Console.TermiosBits;

namespace Xenlet.Kernel.Tests.Console;

public sealed unsafe class LineDisciplineTests
{
    private readonly TerminalFixture _terminal = new();

    [Theory]
    [InlineData("abc\r", "abc\r\n", "abc\n")]
    [InlineData("abc\n", "abc\r\n", "abc\n")]
    [InlineData("\r\n", "\r\n\r\n", "\n")]
    [InlineData("ab\x7f" + "c\r", "ab\b \bc\r\n", "ac\n")]
    [InlineData("ab\bc\r", "ab\b \bc\r\n", "ac\n")]
    [InlineData("\x7f\b\x17\x15x\r", "x\r\n", "x\n")]
    [InlineData("na\xc3\xafv\x7f\x7f\x7fo\r", "na\xc3\xafv\b \b\b \b\b \bo\r\n", "no\n")]
    [InlineData("\xf0\x9f\x98\x80\x7fx\r", "\xf0\x9f\x98\x80\b \bx\r\n", "x\n")]
    [InlineData("a\x01\x7f" + "b\r", "a^A\b \b\b \bb\r\n", "ab\n")]
    [InlineData("\x1b[A\r", "^[[A\r\n", "\x1b[A\n")]
    [InlineData("ab\tc\x7f\x7fx\r", "ab\tc\b \b\b\b\b\b\b\bx\r\n", "abx\n")]
    [InlineData("hello\x15" + "x\r", "hello\b \b\b \b\b \b\b \b\b \bx\r\n", "x\n")]
    [InlineData("one two  \x17x\r", "one two  \b \b\b \b\b \b\b \b\b \bx\r\n", "one x\n")]
    [InlineData("a-b_c\x17x\r", "a-b_c\b \b\b \b\b \bx\r\n", "a-x\n")]
    [InlineData("ab\x12" + "c\r", "ab^R\r\nabc\r\n", "abc\n")]
    [InlineData("a\x16\x03" + "b\r", "a^\b^Cb\r\n", "a\x03" + "b\n")]
    [InlineData("a\x16\r\r", "a^\b^M\r\n", "a\r\n")]
    [InlineData("a\x16\n\x16\x7f\r", "a^\b^J^\b^?\r\n", "a\n\x7f\n")]
    [InlineData("abc\x04", "abc", "abc")]
    [InlineData("a\0b\r", "a^@b\r\n", "a\0b\n")]
    public void A_line_is_edited_and_echoed_as_a_Linux_terminal_does(string typed, string screen, string line)
    {
        Assert.Equal(screen, _terminal.Type(typed));
        Assert.True(_terminal.Discipline.CanRead);
        Assert.Equal(line, _terminal.Read());
    }

    [Fact]
    public void Nothing_can_be_read_before_the_line_ends()
    {
        _terminal.Type("abc");
        Assert.False(_terminal.Discipline.CanRead);
        Assert.Equal("", _terminal.Read());
        Assert.False(_terminal.Discipline.AtEndOfFile);
    }

    [Fact]
    public void A_read_ends_at_the_line_end_and_a_short_one_leaves_the_rest()
    {
        _terminal.Type("first\rsecond\r");
        Assert.Equal("fi", _terminal.Read(2));
        Assert.Equal("rst\n", _terminal.Read());
        Assert.Equal(7, _terminal.Discipline.ReadableBytes);
        Assert.Equal("second\n", _terminal.Read());
        Assert.False(_terminal.Discipline.CanRead);
    }

    [Fact]
    public void End_of_file_on_an_empty_line_is_read_once_and_the_terminal_goes_on()
    {
        Assert.Equal("", _terminal.Type("\x04"));
        Assert.True(_terminal.Discipline.CanRead);
        Assert.Equal("", _terminal.Read());
        Assert.True(_terminal.Discipline.AtEndOfFile);
        Assert.False(_terminal.Discipline.CanRead);
        _terminal.Type("on\r");
        Assert.Equal("on\n", _terminal.Read());
        Assert.False(_terminal.Discipline.AtEndOfFile);
    }

    [Fact]
    public void End_of_file_behind_a_partial_line_pushes_it_and_the_next_one_ends_the_file()
    {
        _terminal.Type("part\x04\x04");
        Assert.Equal("part", _terminal.Read(4));
        Assert.True(_terminal.Discipline.CanRead);
        Assert.Equal("", _terminal.Read());
        Assert.True(_terminal.Discipline.AtEndOfFile);
    }

    [Theory]
    [InlineData("\x03", "^C", 1u << 1)]
    [InlineData("\x1c", "^\\", 1u << 2)]
    [InlineData("\x1a", "^Z", 1u << 19)]
    public void A_signal_character_asks_for_its_signal_and_flushes_input(string key, string screen, uint signal)
    {
        _terminal.Type("line\rpart");
        Assert.Equal(screen, _terminal.Type(key));
        Assert.Equal(signal, _terminal.Discipline.TakeSignals());
        Assert.Equal(0u, _terminal.Discipline.TakeSignals());
        Assert.False(_terminal.Discipline.CanRead);
        _terminal.Type("x\r");
        Assert.Equal("x\n", _terminal.Read());
    }

    [Fact]
    public void With_NOFLSH_a_signal_keeps_the_input()
    {
        _terminal.ChangeLocalFlags(0, NOFLSH);
        _terminal.Type("ab\x03" + "c\r");
        Assert.Equal("abc\n", _terminal.Read());
    }

    [Fact]
    public void A_line_takes_4095_bytes_then_rings_and_still_accepts_its_end()
    {
        string longest = new('x', LineDiscipline.N_TTY_BUF_SIZE - 1);
        Assert.Equal(longest + "\a\a\r\n", _terminal.Type(longest + "yz\r"));
        Assert.Equal(longest + "\n", _terminal.Read());
    }

    [Fact]
    public void Lines_nobody_reads_are_kept_up_to_the_limit_and_dropped_whole_beyond_it()
    {
        List<string> typed = [];
        for (int i = 0; i < 600; i++)
        {
            typed.Add($"line {i} {new string('.', i % 40)}\n");
            string echo = _terminal.Type(typed[i]);
            Assert.True(echo == typed[i].Replace("\n", "\r\n", StringComparison.Ordinal) || echo.Trim('\a').Length == 0, echo);
        }

        List<string> read = [];
        while (_terminal.Discipline.CanRead)
        {
            read.Add(_terminal.Read());
        }

        Assert.InRange(read.Sum(line => line.Length), 3500, 4096 + 60);
        Assert.Equal(typed.Take(read.Count), read);
        Assert.Equal("again\r\n", _terminal.Type("again\r"));
        Assert.Equal("again\n", _terminal.Read());
    }

    [Fact]
    public void A_line_dropped_in_part_is_dropped_to_its_end()
    {
        string longest = new('x', LineDiscipline.N_TTY_BUF_SIZE - 1);
        _terminal.Type(longest + "\r" + "waits\r" + "dropp");
        Assert.Equal(longest + "\n", _terminal.Read());
        Assert.Equal("\a\a\a", _terminal.Type("ed\r"));
        _terminal.Type("whole\r");
        Assert.Equal("waits\n", _terminal.Read());
        Assert.Equal("whole\n", _terminal.Read());
    }

    [Fact]
    public void A_kill_too_long_to_rub_out_goes_to_a_new_row()
    {
        _terminal.Type(new string('x', 1000));
        Assert.Equal("^U\r\n", _terminal.Type("\x15"));
        _terminal.Type("y\r");
        Assert.Equal("y\n", _terminal.Read());
    }

    [Fact]
    public void A_long_line_is_shown_again_in_full()
    {
        string line = string.Concat(Enumerable.Range(0, 1000).Select(i => $"{i} \x01"));
        line = line[..4000];
        string shown = line.Replace("\x01", "^A", StringComparison.Ordinal);
        Assert.Equal(shown, _terminal.Type(line));
        Assert.Equal("^R\r\n" + shown, _terminal.Type("\x12"));
        Assert.False(_terminal.Discipline.HasEcho);
    }

    [Fact]
    public void Keys_typed_while_a_line_is_still_being_shown_again_are_shown_once()
    {
        _terminal.Type("abc");
        _terminal.TypeAhead("\x12" + "d\x7f" + "e");
        Assert.Equal("^R\r\n^?\r\nabce", _terminal.TakeEcho());
        _terminal.Type("\r");
        Assert.Equal("abce\n", _terminal.Read());
    }

    [Fact]
    public void Erasing_a_tab_counts_the_columns_the_program_printed_before()
    {
        _terminal.Print("> ");
        Assert.Equal("\t\b\b\b\b\b\b", _terminal.Type("\t\x7f"));
        _terminal.Print("\n12345\r\n1234567");
        Assert.Equal("\t\b", _terminal.Type("\t\x7f"));
    }

    [Theory]
    [InlineData("a\nb\n", "a\r\nb\r\n")]
    [InlineData("a\r\n", "a\r\r\n")]
    [InlineData("\n\n", "\r\n\r\n")]
    [InlineData("\x1b[2J\xc3\xa9", "\x1b[2J\xc3\xa9")]
    public void Output_gets_a_carriage_return_before_each_newline(string printed, string screen)
    {
        for (int chunk = 1; chunk < 6; chunk++)
        {
            Assert.Equal(screen, _terminal.Print(printed, chunk));
        }
    }

    [Fact]
    public void Output_is_left_alone_without_OPOST()
    {
        Termios termios = _terminal.GetTermios();
        termios.OutputFlags &= ~OPOST;
        _terminal.SetTermios(termios);
        Assert.Equal("a\nb", _terminal.Print("a\nb"));
        Assert.Equal("x\n", _terminal.Type("x\r"));
    }

    [Fact]
    public void Without_line_editing_every_byte_is_there_at_once()
    {
        _terminal.ChangeLocalFlags(ICANON | ECHO | ISIG);
        Assert.Equal("", _terminal.Type("a\x7f\x03\x04\x16\r"));
        Assert.Equal(0u, _terminal.Discipline.TakeSignals());
        Assert.Equal(6, _terminal.Discipline.ReadableBytes);
        Assert.Equal("a\x7f", _terminal.Read(2));
        Assert.Equal("\x03\x04\x16\n", _terminal.Read());
        Assert.False(_terminal.Discipline.CanRead);
    }

    [Fact]
    public void Without_line_editing_signals_and_echo_have_their_own_flags()
    {
        _terminal.ChangeLocalFlags(ICANON);
        Assert.Equal("x\r\n^A^C", _terminal.Type("x\r\x01\x03"));
        Assert.Equal(LineDiscipline.InterruptSignal, _terminal.Discipline.TakeSignals());
    }

    [Fact]
    public void The_unfinished_line_is_readable_when_line_editing_ends()
    {
        _terminal.Type("done\rpart");
        _terminal.ChangeLocalFlags(ICANON);
        _terminal.Type("!");
        Assert.Equal("done\npart!", _terminal.Read());
    }

    [Fact]
    public void Bytes_typed_without_line_editing_are_readable_when_it_begins()
    {
        _terminal.ChangeLocalFlags(ICANON);
        _terminal.Type("raw");
        _terminal.ChangeLocalFlags(0, ICANON);
        _terminal.Type("line\r");
        Assert.Equal("raw", _terminal.Read());
        Assert.Equal("line\n", _terminal.Read());
    }

    [Fact]
    public void An_end_of_file_still_queued_is_passed_over_without_line_editing()
    {
        _terminal.Type("\x04" + "a\r");
        _terminal.ChangeLocalFlags(ICANON);
        Assert.Equal("a\n", _terminal.Read());
        Assert.False(_terminal.Discipline.AtEndOfFile);
    }

    [Theory]
    [InlineData(3, 0, 2, false, -1)]
    [InlineData(3, 0, 3, true, -1)]
    [InlineData(3, 5, 1, true, -1)]
    [InlineData(0, 5, 0, false, 5)]
    [InlineData(0, 0, 0, false, 0)]
    [InlineData(0, 0, 1, true, 0)]
    public void VMIN_and_VTIME_say_when_a_read_has_enough(byte min, byte time, int typed, bool canRead, int timeout)
    {
        Termios termios = _terminal.GetTermios();
        termios.LocalFlags &= ~ICANON;
        termios.ControlCharacters[VMIN] = min;
        termios.ControlCharacters[VTIME] = time;
        _terminal.SetTermios(termios);
        _terminal.Type(new string('k', typed));
        Assert.Equal(canRead, _terminal.Discipline.CanRead);
        Assert.Equal(timeout, _terminal.Discipline.ReadTimeout);
    }

    [Fact]
    public void A_small_read_does_not_wait_for_more_than_it_asked_for()
    {
        Termios termios = _terminal.GetTermios();
        termios.LocalFlags &= ~ICANON;
        termios.ControlCharacters[VMIN] = 10;
        _terminal.SetTermios(termios);
        _terminal.Type("k");
        Assert.True(_terminal.Discipline.CanReadAtLeast(1));
        Assert.False(_terminal.Discipline.CanReadAtLeast(2));
    }

    [Fact]
    public void Bytes_without_room_are_dropped_with_BEL_and_the_rest_stay_in_order()
    {
        _terminal.ChangeLocalFlags(ICANON | ECHO);
        string typed = string.Concat(Enumerable.Range(0, 2000).Select(i => $"{i},"));
        string screen = _terminal.Type(typed);
        string read = _terminal.Read();
        Assert.Equal(4096, read.Length);
        Assert.Equal(typed[..4096], read);
        Assert.Equal(new string('\a', typed.Length - 4096), screen);
    }

    [Fact]
    public void The_default_settings_are_those_of_a_Linux_terminal()
    {
        Termios termios = _terminal.GetTermios();
        Assert.Equal(36, sizeof(Termios));
        Assert.Equal(ICRNL | IMAXBEL | IUTF8, termios.InputFlags);
        Assert.Equal(OPOST | ONLCR, termios.OutputFlags);
        Assert.Equal(0x4bfu, termios.ControlFlags);
        Assert.Equal(0x8a3bu, termios.LocalFlags);
        byte[] expected = new byte[Termios.NCCS];
        (int Index, byte Value)[] characters =
        [
            (VINTR, 'C' - 64), (VQUIT, '\\' - 64), (VERASE, 127), (VKILL, 'U' - 64), (VEOF, 'D' - 64), (VMIN, 1), (VSUSP, 'Z' - 64),
            (VREPRINT, 'R' - 64), (VDISCARD, 'O' - 64), (VWERASE, 'W' - 64), (VLNEXT, 'V' - 64),
        ];
        foreach ((int index, byte value) in characters)
        {
            expected[index] = value;
        }

        Assert.Equal(expected, new ReadOnlySpan<byte>(termios.ControlCharacters, Termios.NCCS).ToArray());
    }

    [Fact]
    public void Flags_that_are_not_offered_are_not_read_back()
    {
        const uint IXON = 0x400, TABDLY = 0x1800, ECHOPRT = 0x400;
        Termios termios = _terminal.GetTermios();
        termios.InputFlags |= IXON;
        termios.OutputFlags |= TABDLY;
        termios.LocalFlags |= ECHOPRT;
        _terminal.SetTermios(termios);
        Assert.Equal(0u, _terminal.GetTermios().InputFlags & IXON);
        Assert.Equal(0u, _terminal.GetTermios().OutputFlags & TABDLY);
        Assert.Equal(0u, _terminal.GetTermios().LocalFlags & ECHOPRT);
    }

    [Fact]
    public void Changed_control_characters_take_effect_and_0_turns_one_off()
    {
        Termios termios = _terminal.GetTermios();
        termios.ControlCharacters[VINTR] = 0;
        termios.ControlCharacters[VERASE] = (byte)'#';
        termios.ControlCharacters[VEOL] = (byte)';';
        _terminal.SetTermios(termios);
        Assert.Equal("a\b \b^C^@^?;", _terminal.Type("a#\x03\0\x7f;"));
        Assert.Equal("\x03\0\x7f;", _terminal.Read());
    }

    [Theory]
    [InlineData(ECHO, "ab\x7f\r", "", "a\n")]
    [InlineData(ECHOE, "ab\x7f\r", "ab^?\r\n", "a\n")]
    [InlineData(ECHOKE, "ab\x15x\r", "ab^U\r\nx\r\n", "x\n")]
    [InlineData(ECHOCTL, "a\x01\r", "a\x01\r\n", "a\x01\n")]
    [InlineData(IEXTEN, "a\x17\r", "a^W\r\n", "a\x17\n")]
    public void Each_echo_flag_can_be_turned_off(uint flag, string typed, string screen, string line)
    {
        _terminal.ChangeLocalFlags(flag);
        Assert.Equal(screen, _terminal.Type(typed));
        Assert.Equal(line, _terminal.Read());
    }

    [Fact]
    public void Only_the_newline_is_echoed_with_ECHONL_alone()
    {
        _terminal.ChangeLocalFlags(ECHO, ECHONL);
        Assert.Equal("\r\n", _terminal.Type("secret\r"));
    }

    [Fact]
    public void Echo_that_nobody_takes_is_lost_and_input_is_not()
    {
        _terminal.TypeAhead(new string('x', 3000) + "\r");
        Assert.Equal(3001, _terminal.Read().Length);
        Assert.Equal(512, _terminal.TakeEcho().Length);
    }

    [Fact]
    public void Any_bytes_in_any_mode_leave_it_working()
    {
        Gen<byte> key = Gen.Frequency(
            (3, Gen.Byte),
            (3, Gen.Byte[97, 101]),
            (3, Gen.OneOf(3, 4, 8, 9, 10, 13, 0x12, 0x15, 0x16, 0x17, 0x7f, 0xc3, 0xa9).Select(value => (byte)value)));
        Gen.Select(key.Array[0, 3000], Gen.UInt.Array[0, 4], Gen.Int[0, 400]).Sample(
            (keys, modes, readSize) =>
            {
                TerminalFixture terminal = new();
                int next = 0;
                foreach (byte value in keys)
                {
                    terminal.Discipline.Input(value);
                    if (next++ % 97 == 0 && modes.Length > 0)
                    {
                        terminal.ChangeLocalFlags(modes[next % modes.Length], modes[(next + 1) % modes.Length]);
                        terminal.Read(readSize);
                        terminal.TakeEcho();
                    }
                }

                terminal.TakeEcho();
                Termios termios = new TerminalFixture().GetTermios();
                terminal.SetTermios(termios);
                terminal.Discipline.FlushInput();
                return terminal.Type("ok\r") == "ok\r\n" && terminal.Read() == "ok\n" && !terminal.Discipline.CanRead;
            },
            iter: 300);
    }

    [Fact]
    public void What_is_read_is_what_was_typed_when_nothing_is_special()
    {
        Gen.String[Gen.Char['\x80', '\xff'], 0, 200].Array[1, 30].Sample(
            lines =>
            {
                TerminalFixture terminal = new();
                foreach (string line in lines)
                {
                    if (terminal.Type(line + "\r") != line + "\r\n" || terminal.Read() != line + "\n")
                    {
                        return false;
                    }
                }

                return true;
            },
            iter: 200);
    }
}
