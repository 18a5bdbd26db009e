# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.core.session.
"""

from __future__ import annotations

import enum

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.core.session import (
    TABLES,
    Access,
    Admission,
    DataPort,
    Happening,
    Protection,
    Rename,
    Restart,
    Session,
    Transfer,
)

States = tuple[Access, Rename, Restart, DataPort, Transfer, Protection]


def session_after(*happenings: Happening) -> Session:
    """Return a session to which all of *happenings* have happened."""
    session = Session()
    for happening in happenings:
        session.happened(happening)
    return session


def states_of(session: Session) -> States:
    """Return the state of each machine."""
    return session.access, session.rename, session.restart, session.data_port, session.transfer, session.protection


INITIAL = states_of(Session())
INITIAL_BY_NAME: dict[str, enum.Enum] = dict(zip(TABLES, INITIAL, strict=True))
COMMAND = (Happening.COMMAND_STARTED, Happening.COMMAND_COMPLETED)
TRANSFER = (Happening.COMMAND_STARTED, Happening.MARK_SENT, Happening.TRANSFER_COMPLETED)
REFUSED = (Happening.COMMAND_STARTED, Happening.TRANSFER_REFUSED)
RNFR = (Happening.COMMAND_STARTED, Happening.RENAME_SOURCE_ACCEPTED, Happening.COMMAND_COMPLETED)


class TableTests(SynchronousTestCase):
    """The tables themselves."""

    def test_rows_stay_within_their_machine(self) -> None:
        """Each row leads from a state to a state of the same machine."""
        for name, table in TABLES.items():
            kinds = {type(state) for (state, _), _ in table.items()} | {type(state) for state in table.values()}
            self.assertEqual(len(kinds), 1, name)

    def test_every_happening_means_something(self) -> None:
        """No happening is told that no machine listens to."""
        self.assertEqual({happening for table in TABLES.values() for _, happening in table}, set(Happening))

    def test_every_state_is_reached_and_left(self) -> None:
        """No machine has a state that nothing leads to or that nothing leads out of."""
        for name, table in TABLES.items():
            left = {state for (state, _), after in table.items() if after is not state}
            reached = {after for (state, _), after in table.items() if after is not state}
            every = set(type(INITIAL_BY_NAME[name]))
            self.assertEqual((left, reached), (every, every), name)

    def test_a_reset_forgets_everything(self) -> None:
        """REIN leads each machine back to its start, but those of the running command and of TLS, which end apart."""
        for name, table in TABLES.items():
            initial = INITIAL_BY_NAME[name]
            for state in type(initial):
                if name not in ("transfer", "protection"):
                    self.assertIs(table.get((state, Happening.RESET), state), initial, f"{name}: {state}")


class StatesTests(SynchronousTestCase):
    """The combinations of states."""

    def test_sessions_in_the_same_states_share_them(self) -> None:
        """Whichever way they have come there, two sessions in the same states have one object for them."""
        other_way = session_after(Happening.PORT_AGREED, *COMMAND, Happening.PORT_FORGOTTEN, Happening.RESET)
        self.assertIs(other_way.states, Session().states)

    def test_they_are_what_the_tables_say(self) -> None:
        """From each combination that comes up, each happening leads each machine where its table says."""
        waiting, known = [Session().states], {Session().states}
        for states in waiting:
            for happening in Happening:
                after = states.after[happening]
                for name, table in TABLES.items():
                    state = getattr(states, name.replace(" ", "_"))
                    self.assertIs(getattr(after, name.replace(" ", "_")), table.get((state, happening), state))
                if after not in known:
                    known.add(after)
                    waiting.append(after)
        self.assertGreater(len(known), 20)


class AccessTests(SynchronousTestCase):
    """The login."""

    def test_the_login_sequence(self) -> None:
        """USER, then the right password; or a wrong one, and USER again."""
        for happenings, access in (
            ((), Access.START),
            ((Happening.USER_ACCEPTED,), Access.USER_GIVEN),
            ((Happening.USER_ACCEPTED, Happening.USER_ACCEPTED), Access.USER_GIVEN),
            ((Happening.USER_ACCEPTED, Happening.LOGIN_SUCCEEDED), Access.LOGGED_IN),
            ((Happening.USER_ACCEPTED, Happening.LOGIN_FAILED), Access.START),
            ((Happening.LOGIN_SUCCEEDED,), Access.LOGGED_IN),
            ((Happening.LOGIN_FAILED,), Access.START),
            ((Happening.LOGIN_SUCCEEDED, Happening.USER_ACCEPTED), Access.LOGGED_IN),
            ((Happening.LOGIN_SUCCEEDED, Happening.LOGIN_FAILED), Access.LOGGED_IN),
            ((Happening.LOGIN_SUCCEEDED, Happening.RESET), Access.START),
        ):
            self.assertIs(session_after(*happenings).access, access, str(happenings))


class RenameTests(SynchronousTestCase):
    """RNFR and RNTO."""

    def test_rnto_follows_at_once(self) -> None:
        """The source is there after RNFR, and gone after the next command, whatever it was."""
        self.assertIs(session_after(*RNFR).rename, Rename.SOURCE_GIVEN)
        for command in (COMMAND, TRANSFER, REFUSED):
            self.assertIs(session_after(*RNFR, *command).rename, Rename.NONE, str(command))

    def test_rnfr_twice(self) -> None:
        """A second RNFR gives a new source; one that is refused leaves none."""
        self.assertIs(session_after(*RNFR, *RNFR).rename, Rename.SOURCE_GIVEN)
        self.assertIs(session_after(*RNFR, *COMMAND).rename, Rename.NONE)

    def test_a_session_that_ends_during_rnfr(self) -> None:
        """A reset while RNFR is being answered leaves no source behind."""
        session = session_after(*RNFR[:2], Happening.RESET, Happening.COMMAND_COMPLETED)
        self.assertIs(session.rename, Rename.NONE)


class RestartTests(SynchronousTestCase):
    """REST."""

    def test_the_offset_waits_for_a_transfer(self) -> None:
        """PASV, TYPE and NOOP leave the offset alone; one transfer uses it up, refused or not."""
        given = (Happening.COMMAND_STARTED, Happening.OFFSET_ACCEPTED, Happening.COMMAND_COMPLETED)
        kept = session_after(*given, *COMMAND, Happening.PORT_AGREED, Happening.PORT_FORGOTTEN, *RNFR)
        self.assertIs(kept.restart, Restart.OFFSET_GIVEN)
        for transfer in (TRANSFER, REFUSED):
            self.assertIs(session_after(*given, *transfer).restart, Restart.START_OF_FILE, str(transfer))

    def test_the_offset_can_be_cleared(self) -> None:
        """REST 0 takes the offset back."""
        session = session_after(Happening.OFFSET_ACCEPTED, Happening.OFFSET_CLEARED)
        self.assertIs(session.restart, Restart.START_OF_FILE)


class DataPortTests(SynchronousTestCase):
    """PASV, EPSV, PORT and EPRT."""

    def test_a_port_is_for_one_transfer(self) -> None:
        """A transfer uses the port up; one refused before its 1xx leaves it to the next."""
        self.assertIs(session_after(Happening.PORT_AGREED, *TRANSFER).data_port, DataPort.NONE)
        self.assertIs(session_after(Happening.PORT_AGREED, *REFUSED).data_port, DataPort.AGREED)

    def test_epsv_all_lasts_for_the_session(self) -> None:
        """After EPSV ALL neither a transfer nor an abort allows PORT again; only a reset does."""
        said = (Happening.ONLY_EPSV_ASKED, Happening.PORT_AGREED)
        for happenings in (said, (*said, *TRANSFER), (*said, Happening.PORT_FORGOTTEN), (Happening.PORT_AGREED, *said)):
            self.assertIs(session_after(*happenings).only_epsv, True, str(happenings))
        self.assertIs(session_after(*said, Happening.RESET).only_epsv, False)
        self.assertIs(Session().only_epsv, False)

    def test_epsv_all_forgets_the_port(self) -> None:
        """EPSV ALL closes what was agreed before, by EPSV as well."""
        for before in ((), (Happening.ONLY_EPSV_ASKED,)):
            session = session_after(*before, Happening.PORT_AGREED, Happening.ONLY_EPSV_ASKED)
            self.assertIs(session.data_port, DataPort.ONLY_EPSV)


class AdmissionTests(SynchronousTestCase):
    """What may run now."""

    def test_admissions(self) -> None:
        """Commands run one after another; NOOP and STAT overtake a transfer that is under way, ABOR cancels it."""
        idle, running, marked = (), (Happening.COMMAND_STARTED,), (Happening.COMMAND_STARTED, Happening.MARK_SENT)
        run, wait, overtake = Admission.RUN, Admission.WAIT, Admission.OVERTAKE
        cancel = Admission.WAIT_AND_CANCEL
        for before, waiting, abortable, plain, noop, abor in (
            (idle, 0, False, run, run, run),
            (idle, 1, False, wait, wait, wait),
            (idle, 1, True, wait, wait, wait),
            (running, 0, False, wait, wait, wait),
            (running, 0, True, wait, wait, cancel),
            (running, 1, True, wait, wait, cancel),
            (marked, 0, True, wait, overtake, cancel),
            (marked, 1, True, wait, wait, cancel),
            (marked, 0, False, wait, overtake, wait),
        ):
            session = session_after(*before)
            admitted = [
                session.admit(overtakes=overtakes, cancels=cancels, waiting=waiting, abortable=abortable)
                for overtakes, cancels in ((False, False), (True, False), (False, True))
            ]
            self.assertEqual(admitted, [plain, noop, abor], f"{before}, {waiting} waiting, abortable: {abortable}")


class SessionMachine(RuleBasedStateMachine):
    """A client that does what it likes, beside a plain account of what it may expect."""

    def __init__(self) -> None:
        super().__init__()
        self.session = Session()
        self.source_given = self.offset_given = self.agreed = self.only_epsv = False

    def _run(self, *happenings: Happening) -> None:
        self.session.happened(Happening.COMMAND_STARTED)
        for happening in happenings:
            self.session.happened(happening)

    @rule(happening=st.sampled_from([Happening.USER_ACCEPTED, Happening.LOGIN_SUCCEEDED, Happening.LOGIN_FAILED]))
    def log_in(self, happening: Happening) -> None:
        """USER or PASS."""
        self._run(happening, Happening.COMMAND_COMPLETED)
        self.source_given = False

    @rule()
    def noop(self) -> None:
        """Any command that changes nothing."""
        self._run(Happening.COMMAND_COMPLETED)
        self.source_given = False

    @rule(accepted=st.booleans())
    def rnfr(self, accepted: bool) -> None:
        """RNFR."""
        self._run(*[Happening.RENAME_SOURCE_ACCEPTED] * accepted, Happening.COMMAND_COMPLETED)
        self.source_given = accepted

    @rule(cleared=st.booleans())
    def rest(self, cleared: bool) -> None:
        """REST."""
        self._run(Happening.OFFSET_CLEARED if cleared else Happening.OFFSET_ACCEPTED, Happening.COMMAND_COMPLETED)
        self.offset_given, self.source_given = not cleared, False

    @rule(agreed=st.booleans())
    def agree(self, agreed: bool) -> None:
        """PASV and the like, or ABOR."""
        self._run(Happening.PORT_FORGOTTEN, *[Happening.PORT_AGREED] * agreed, Happening.COMMAND_COMPLETED)
        self.agreed, self.source_given = agreed, False

    @rule()
    def epsv_all(self) -> None:
        """EPSV ALL."""
        self._run(Happening.ONLY_EPSV_ASKED, Happening.COMMAND_COMPLETED)
        self.agreed, self.only_epsv, self.source_given = False, True, False

    @rule(marked=st.booleans())
    def transfer(self, marked: bool) -> None:
        """A transfer, or one that is refused before its 1xx."""
        if marked:
            self._run(Happening.MARK_SENT, Happening.TRANSFER_COMPLETED)
            self.agreed = False
        else:
            self._run(Happening.TRANSFER_REFUSED)
        self.offset_given = self.source_given = False

    @precondition(lambda self: self.session.access is Access.LOGGED_IN)
    @rule()
    def rein(self) -> None:
        """REIN."""
        self._run(Happening.RESET, Happening.COMMAND_COMPLETED)
        self.source_given = self.offset_given = self.agreed = self.only_epsv = False
        assert states_of(self.session) == INITIAL

    @invariant()
    def the_session_is_as_expected(self) -> None:
        """Each machine is in the state that its one sentence says."""
        session = self.session
        assert session.transfer is Transfer.IDLE
        assert (session.rename is Rename.SOURCE_GIVEN) is self.source_given
        assert session.rename is not Rename.RNFR_RUNS
        assert (session.restart is Restart.OFFSET_GIVEN) is self.offset_given
        assert (session.data_port in (DataPort.AGREED, DataPort.ONLY_EPSV_AGREED)) is self.agreed
        assert session.only_epsv is self.only_epsv
        assert session.admit(overtakes=False, cancels=False, waiting=0, abortable=False) is Admission.RUN


class AnyOrderMachine(RuleBasedStateMachine):
    """Happenings in any order, also in those that cannot be."""

    def __init__(self) -> None:
        super().__init__()
        self.session = Session()

    @rule(happening=st.sampled_from(Happening))
    def happen(self, happening: Happening) -> None:
        """Anything happens."""
        self.session.happened(happening)

    @invariant()
    def each_machine_is_in_one_of_its_states(self) -> None:
        """No order of happenings leads out of the tables."""
        kinds = (Access, Rename, Restart, DataPort, Transfer, Protection)
        for state, kind in zip(states_of(self.session), kinds, strict=True):
            assert isinstance(state, kind)


class StatefulTests(SynchronousTestCase):
    """The machines under clients that do what they like."""

    def test_any_order_of_commands(self) -> None:
        """Whatever commands come in whatever order, the session is in the state that a client may expect."""
        run_state_machine_as_test(SessionMachine)

    def test_any_order_of_happenings(self) -> None:
        """Even happenings that cannot be leave each machine in one of its states."""
        run_state_machine_as_test(AnyOrderMachine)


class ProtectionTests(SynchronousTestCase):
    """What runs under TLS."""

    def after(self, *happenings: Happening) -> Session:
        """Return a session to which these have happened."""
        return session_after(*happenings)

    def test_auth_protects_commands(self) -> None:
        """After AUTH data is in clear until PBSZ and PROT P."""
        session = self.after(Happening.COMMANDS_PROTECTED)
        self.assertEqual((session.protects_commands, session.protects_data), (True, False))
        for happening in (Happening.DATA_PROTECTED, Happening.BUFFER_SIZE_GIVEN):
            session.happened(happening)
            self.assertFalse(session.protects_data)
        session.happened(Happening.DATA_PROTECTED)
        self.assertTrue(session.protects_data)
        session.happened(Happening.DATA_CLEARED)
        self.assertFalse(session.protects_data)

    def test_implicit_tls_protects_all(self) -> None:
        """Both connections are protected from the start."""
        session = self.after(Happening.ALL_PROTECTED)
        self.assertEqual((session.protects_commands, session.protects_data), (True, True))

    def test_ccc_leaves_data_as_it_is(self) -> None:
        """Commands are in clear after CCC, data as before, and nothing can be chosen any more."""
        for before, protects in ((Happening.COMMANDS_PROTECTED, False), (Happening.ALL_PROTECTED, True)):
            session = self.after(before, Happening.COMMANDS_CLEARED)
            self.assertEqual((session.protects_commands, session.protects_data), (False, protects))
            session.happened(Happening.BUFFER_SIZE_GIVEN)
            session.happened(Happening.DATA_PROTECTED)
            self.assertEqual(session.protects_data, protects)

    def test_the_end_of_a_login_forgets(self) -> None:
        """From every state the way leads back to the first one."""
        steps = (Happening.ALL_PROTECTED, Happening.BUFFER_SIZE_GIVEN, Happening.COMMANDS_CLEARED)
        for count in range(len(steps) + 1):
            session = self.after(*steps[:count], Happening.PROTECTION_FORGOTTEN)
            self.assertIs(session.protection, Protection.NONE)
